// The ladder: what the picture is with only the top level kept, then the top two, and so on.

function makeLadder(root) {
  const strip = root.querySelector("[data-rungs]");
  let depth = 0;

  function caption(level) {
    if (depth === 1) return "z₁, the only level";
    if (level === depth) return `${nameOf(level)} only`;
    if (level === 1) return "all levels";
    const kept = [];
    for (let t = depth; t >= level; t -= 1) kept.push(nameOf(t));
    return kept.length > 3 ? `${kept[0]} … ${kept[kept.length - 1]}` : kept.join(" ");
  }

  function rung(level) {
    const canvas = make("canvas", {
      width: 1, height: 1, role: "img", "aria-label": `The picture from ${caption(level)}`,
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
    paint(rungs) {
      for (const { t, frame } of rungs) {
        const canvas = strip.querySelector(`[data-ladder="${t}"] canvas`);
        if (canvas) paintFrame(canvas, frame);
      }
    },
  };
}
