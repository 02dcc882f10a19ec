// The brush on the picture: mouse, pen, touch or keys paint the active region. A stroke is one
// step of undo.

import { find } from "../dom.js";
import { MOST_SHAPES, REGION_UNIT, canonicalRegion } from "../recipe/regions.js";
import { clamp } from "../values.js";

/** @import { Dab, Region, Shape } from "../types.js" */
/** @import { Point, Veil } from "./veil.js" */

const LEAST_SPACING = 2;
const KEY_MOVE = 8;
/** @type {Record<string, [right: number, down: number]>} */
const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/**
 * A stroke under way.
 * @typedef {object} Stroke
 * @property {number | null} id of the pointer; null of a dab by a key
 * @property {readonly Shape[]} shapes of the region so far
 * @property {Point} last where the last dab is
 * @property {number} radius
 * @property {boolean} erase
 * @property {string} key names it as a gesture
 */

/**
 * What the brush asks and does.
 * @typedef {object} BrushActions
 * @property {() => boolean} isPainting
 * @property {() => Region | null} region the active one
 * @property {() => { radius: number, erase: boolean }} tool
 * @property {(region: Region | null, key: string | null) => void} paint
 * @property {() => void} release
 * @property {(steps: number) => void} resize
 * @property {() => void} leave the active region
 * @property {(words: string) => void} say
 */

/** @param {number} value */
const onGrid = (value) => clamp(Math.round(value), 0, REGION_UNIT);

/**
 * @param {HTMLElement} root
 * @param {Veil} veil
 * @param {BrushActions} actions
 */
export function makeBrush(root, veil, actions) {
  const canvas = find(root, 'canvas[data-screen="edit"]', HTMLCanvasElement);
  /** @type {Stroke | null} */
  let stroke = null;
  let strokes = 0;
  let cursor = { x: REGION_UNIT / 2, y: REGION_UNIT / 2 }; // of the keys

  /**
   * @param {Stroke} mine
   * @param {Point} place
   */
  function dab(mine, { x, y }) {
    if (mine.shapes.length >= MOST_SHAPES) {
      actions.say("This region has as many strokes as a recipe can hold. Press Whole picture and "
        + "paint another one.");
      return;
    }
    const radius = mine.erase ? -mine.radius : mine.radius;
    /** @type {Dab} */
    const shape = [onGrid(x), onGrid(y), radius];
    mine.shapes = [...mine.shapes, shape];
    veil.lay(shape);
    mine.last = { x, y };
  }

  /**
   * Dabs up to a place, as close as half a radius.
   * @param {Stroke} mine
   * @param {Point} to
   */
  function dabTo(mine, to) {
    const { last } = mine;
    const away = Math.hypot(to.x - last.x, to.y - last.y);
    const spacing = Math.max(LEAST_SPACING, mine.radius / 2);
    for (let at = spacing; at <= away; at += spacing) {
      dab(mine, { x: last.x + ((to.x - last.x) * at) / away,
        y: last.y + ((to.y - last.y) * at) / away });
    }
  }

  /** @param {Stroke} mine */
  function show(mine) {
    const region = canonicalRegion(mine.shapes);
    if (!region) return;
    veil.rename(region);
    actions.paint(region, mine.key);
  }

  /**
   * @param {number | null} id
   * @param {Point} place
   */
  function begin(id, place) {
    const { radius, erase } = actions.tool();
    const region = actions.region();
    if (erase && !region) {
      actions.say("There is nothing to erase yet: paint a region first.");
      return;
    }
    strokes += 1;
    stroke = { id, shapes: region || [], last: place, radius, erase, key: `stroke:${strokes}` };
    dab(stroke, place);
    show(stroke);
  }

  function end() {
    if (!stroke) return;
    const { key } = stroke;
    stroke = null;
    if (actions.region() && !veil.hasCover()) actions.paint(null, key); // all of it was erased
    actions.release();
  }

  /** @param {Point} place */
  function showRing(place) {
    const { radius, erase } = actions.tool();
    veil.showRing(place, radius, erase);
  }

  canvas.addEventListener("pointerdown", (event) => {
    if (!actions.isPainting() || stroke || !event.isPrimary || event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    begin(event.pointerId, pointOf(event, canvas));
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!actions.isPainting()) return;
    const place = pointOf(event, canvas);
    cursor = { x: onGrid(place.x), y: onGrid(place.y) };
    showRing(place);
    if (!stroke || event.pointerId !== stroke.id) return;
    dabTo(stroke, place);
    show(stroke);
  });
  for (const type of /** @type {const} */ (["pointerup", "pointercancel", "lostpointercapture"])) {
    canvas.addEventListener(type, (event) => {
      if (stroke && event.pointerId === stroke.id) end();
    });
  }
  canvas.addEventListener("pointerleave", () => { if (!stroke) veil.hideRing(); });
  canvas.addEventListener("blur", () => veil.hideRing());

  canvas.addEventListener("keydown", (event) => {
    if (!actions.isPainting() || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in MOVES) {
      const [right, down] = MOVES[event.key];
      const far = KEY_MOVE * (event.shiftKey ? 4 : 1);
      cursor = { x: onGrid(cursor.x + far * right), y: onGrid(cursor.y + far * down) };
    } else if (event.key === " " || event.key === "Enter") {
      begin(null, cursor);
      end();
    } else if (event.key === "[" || event.key === "]") actions.resize(event.key === "]" ? 1 : -1);
    else if (event.key === "Escape") actions.leave();
    else return;
    event.preventDefault();
    showRing(cursor);
  });
}

/**
 * Where a pointer is on the picture.
 * @param {PointerEvent} event
 * @param {HTMLCanvasElement} canvas
 * @returns {Point}
 */
function pointOf(event, canvas) {
  const box = canvas.getBoundingClientRect();
  return { x: (REGION_UNIT * (event.clientX - box.left)) / box.width,
    y: (REGION_UNIT * (event.clientY - box.top)) / box.height };
}
