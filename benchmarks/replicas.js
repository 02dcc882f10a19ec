// Records what a page paints on its main canvas, what it wants, and when its sockets close.
(() => {
  const witness = { paints: [], wants: [], closed: [] };
  window.witness = witness;

  window.WebSocket = class extends window.WebSocket {
    constructor(...given) {
      super(...given);
      this.addEventListener("close", () => witness.closed.push(Date.now()));
    }
  };

  const text = (bytes) => {
    let letters = "";
    for (let at = 0; at < bytes.length; at += 4) {
      letters += String.fromCharCode(bytes[at], bytes[at + 1], bytes[at + 2]);
    }
    return btoa(letters);
  };

  // A screen's pixels, RGB in base64.
  witness.pixels = (screen) => {
    const canvas = document.querySelector(`canvas[data-screen=${screen}]`);
    return text(canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data);
  };

  witness.start = () => {
    const context = document.querySelector("canvas[data-screen=edit]").getContext("2d");
    for (const name of ["putImageData", "drawImage"]) {
      const paint = context[name].bind(context);
      context[name] = (...given) => {
        paint(...given);
        witness.paints.push({ at: Date.now(), pixels: witness.pixels("edit") });
      };
    }
    let last = "";
    const look = () => {
      const recipe = JSON.stringify(window.strata.recipe());
      if (recipe !== last) witness.wants.push({ at: Date.now(), recipe: JSON.parse(recipe) });
      last = recipe;
      requestAnimationFrame(look);
    };
    look();
  };
})();
