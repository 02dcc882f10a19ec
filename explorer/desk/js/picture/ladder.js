// The ladder: what the picture is with only the top level kept, then the top two, and so on.

import { find, make, setText } from "../dom.js";
import { paintPicture } from "./paint.js";

/** @import { Picture, Row } from "../types.js" */

const CROWDED = 4; // rungs above which a phone has room for the names only

/**
 * @param {Row} row
 * @param {number} at
 * @param {Row[]} rows
 * @returns {(string | HTMLElement)[]}
 */
function captionOf(row, at, rows) {
  if (row.brief !== row.name) return [row.brief];
  if (rows.length === 1) return [`${row.name}, the only level`];
  if (at === 0) return [`${row.name} only`];
  if (at < rows.length - 1) return [`+ ${row.name}`];
  const last = make("span", { class: rows.length > CROWDED ? "wide-only" : null }, ": all of it");
  return [`+ ${row.name}`, last];
}

/**
 * @param {Row} row
 * @param {number} at
 * @param {Row[]} rows
 */
function rungOf(row, at, rows) {
  const spoken = at === 0 ? `from ${row.name} only` : `from ${rows[0].name} down to ${row.name}`;
  const canvas = make("canvas", {
    width: 1, height: 1, role: "img", "aria-label": `The picture ${spoken}`,
  });
  const title = row.grouped ? `${row.name}, ${row.span}` : null;
  return make("figure", { "data-ladder": row.t, style: `--hue: ${row.hue}`, title },
    make("div", { class: "glass" }, canvas),
    make("figcaption", {}, ...captionOf(row, at, rows)));
}

/** @param {HTMLElement} root */
export function makeLadder(root) {
  const strip = find(root, "[data-rungs]", HTMLElement);
  const word = find(root, "[data-rung-word]", HTMLElement);
  /** @type {string | null} */
  let built = null;

  return {
    /** @param {Row[]} rows */
    build(rows) {
      const names = rows.map((row) => row.name).join();
      if (names === built) return;
      built = names;
      strip.style.setProperty("--rungs", String(rows.length));
      setText(word, rows[0].grouped ? "resolution" : "level");
      strip.replaceChildren(...rows.map(rungOf));
    },
    /**
     * @param {number} level
     * @param {Picture} picture
     */
    paint(level, picture) {
      const canvas = strip.querySelector(`[data-ladder="${level}"] canvas`);
      if (canvas instanceof HTMLCanvasElement) paintPicture(canvas, picture);
    },
  };
}
