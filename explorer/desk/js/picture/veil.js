// The veil over the picture: the active region, tinted and with an outline, and the ring of the
// brush. It is drawn in the page alone, so a stroke never waits for the server.

import { find, setHidden } from "../dom.js";
import { layShape, maskOf } from "../recipe/masks.js";
import { REGION_UNIT } from "../recipe/regions.js";
import { contextOf } from "./paint.js";

/** @import { Region, Shape } from "../types.js" */
/** @typedef {ReturnType<typeof makeVeil>} Veil */

/** @typedef {{ x: number, y: number }} Point in 1/256 of the picture's side */

const STRIPES = [[255, 255, 255, 80], [70, 60, 220, 110]]; // seen on any picture
const HALF = 0.5; // the cover at which the outline runs
const TRACE = 0.05; // a cover that counts as something

/**
 * A colour as a pixel of ImageData, seen as a number.
 * @param {number} r
 * @param {number} g
 * @param {number} b
 * @param {number} a
 */
const word = (r, g, b, a) => ((a << 24) | (b << 16) | (g << 8) | r) >>> 0;
const LIGHT = word(255, 255, 255, 235);
const DARK = word(20, 24, 32, 235);

/**
 * The pixel of a dashed line in two tones, seen on light and on dark, where a mask crosses one
 * half; 0 elsewhere.
 * @param {Float32Array} mask
 * @param {number} x
 * @param {number} y
 */
function outlineAt(mask, x, y) {
  const size = REGION_UNIT;
  const at = y * size + x;
  if (mask[at] < HALF) return 0;
  const inside = x > 0 && mask[at - 1] >= HALF && x < size - 1 && mask[at + 1] >= HALF
    && y > 0 && mask[at - size] >= HALF && y < size - 1 && mask[at + size] >= HALF;
  if (inside) return 0;
  return ((x + y) >> 2) & 1 ? LIGHT : DARK;
}

/** @param {HTMLElement} root */
export function makeVeil(root) {
  const canvas = find(root, "[data-veil]", HTMLCanvasElement);
  const ring = find(root, "[data-ring]", HTMLElement);
  const context = contextOf(canvas);
  const picture = context.createImageData(REGION_UNIT, REGION_UNIT);
  const words = new Uint32Array(picture.data.buffer);
  /** @type {Region | null} */
  let drawn = null; // the region that the mask is of
  let mask = maskOf(null);
  let tinted = false;
  let waiting = false;

  function draw() {
    waiting = false;
    for (let y = 0, at = 0; y < REGION_UNIT; y += 1) {
      for (let x = 0; x < REGION_UNIT; x += 1, at += 1) {
        const [r, g, b, a] = STRIPES[((x + y) >> 3) & 1];
        words[at] = outlineAt(mask, x, y)
          || (tinted ? word(r, g, b, Math.round(a * mask[at])) : 0);
      }
    }
    context.putImageData(picture, 0, 0);
  }

  function ask() {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(draw);
  }

  return {
    /**
     * @param {Region | null} region to show, or none
     * @param {boolean} tint whether it is tinted too
     */
    show(region, tint) {
      const same = region === drawn && tint === tinted;
      setHidden(canvas, !region);
      if (same) return;
      if (region !== drawn) mask = maskOf(region);
      drawn = region;
      tinted = tint;
      if (region) ask();
    },
    /**
     * A shape more of the region shown, which `rename` then tells: in a long stroke only what is
     * new is drawn.
     * @param {Shape} shape
     */
    lay: (shape) => layShape(mask, shape),
    /** @param {Region} region what the region shown has become */
    rename(region) {
      drawn = region;
      ask();
    },
    /** Whether anything is left of the region shown. */
    hasCover: () => mask.some((cover) => cover > TRACE),
    /**
     * The ring at a place of the picture.
     * @param {Point} place
     * @param {number} radius
     * @param {boolean} erasing
     */
    showRing(place, radius, erasing) {
      setHidden(ring, false);
      const share = (/** @type {number} */ units) => `${(100 * units) / REGION_UNIT}%`;
      ring.style.left = share(place.x - radius);
      ring.style.top = share(place.y - radius);
      ring.style.width = share(2 * radius);
      ring.style.height = share(2 * radius);
      ring.classList.toggle("erasing", erasing);
    },
    hideRing: () => setHidden(ring, true),
  };
}
