// The ladder: what the picture is with only the top level kept, then the top two, and so on.

function makeLadder(root) {
  const strip = root.querySelector("[data-rungs]");
  let depth = 0;

  function caption(level) {
    if (depth === 1) return "z₁, the only level";
    if (level === depth) return `${nameOf(level)} only`;
    return level === 1 ? "+ z₁: all of it" : `+ ${nameOf(level)}`;
  }

  function spoken(level) {
    return level === depth ? `from ${nameOf(depth)} only`
      : `from ${nameOf(depth)} down to ${nameOf(level)}`;
  }

  function rung(level) {
    const canvas = make("canvas", {
      width: 1, height: 1, role: "img", "aria-label": `The picture ${spoken(level)}`,
    });
    return make("figure", { "data-ladder": level, style: `--hue: ${hueOf(level)}` },
      make("div", { class: "glass" }, canvas), make("figcaption", {}, caption(level)));
  }

  return {
    build(levels) {
      if (levels.length === depth) return;
      depth = levels.length;
      strip.style.setProperty("--rungs", depth);
      strip.replaceChildren(...levels.map((level) => rung(level.t)));
    },
    paint(level, picture) {
      const canvas = strip.querySelector(`[data-ladder="${level}"] canvas`);
      if (canvas) paintPicture(canvas, picture);
    },
  };
}
