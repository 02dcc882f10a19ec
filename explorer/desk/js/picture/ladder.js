// The ladder: what the picture is with only the top level kept, then the top two, and so on.

import { make, setText } from "../tools.js";
import { paintPicture } from "./screens.js";

export function makeLadder(root) {
  const strip = root.querySelector("[data-rungs]");
  let built = null;

  function caption(row, at, rows) {
    if (row.brief !== row.name) return row.brief;
    if (rows.length === 1) return `${row.name}, the only level`;
    if (at === 0) return `${row.name} only`;
    if (at < rows.length - 1) return `+ ${row.name}`;
    // Of many rungs on a phone there is room for the names only.
    const last = make("span", { class: rows.length > 4 ? "wide-only" : null }, ": all of it");
    return [`+ ${row.name}`, last];
  }

  function spoken(row, at, rows) {
    return at === 0 ? `from ${row.name} only` : `from ${rows[0].name} down to ${row.name}`;
  }

  function rung(row, at, rows) {
    const canvas = make("canvas", {
      width: 1, height: 1, role: "img", "aria-label": `The picture ${spoken(row, at, rows)}`,
    });
    const title = row.grouped ? `${row.name}, ${row.span}` : null;
    return make("figure", { "data-ladder": row.t, style: `--hue: ${row.hue}`, title },
      make("div", { class: "glass" }, canvas),
      make("figcaption", {}, ...[caption(row, at, rows)].flat()));
  }

  return {
    build(rows) {
      const names = rows.map((row) => row.name).join();
      if (names === built) return;
      built = names;
      strip.style.setProperty("--rungs", rows.length);
      setText(root.querySelector("[data-rung-word]"), rows[0].grouped ? "resolution" : "level");
      strip.replaceChildren(...rows.map(rung));
    },
    paint(level, picture) {
      const canvas = strip.querySelector(`[data-ladder="${level}"] canvas`);
      if (canvas) paintPicture(canvas, picture);
    },
  };
}
