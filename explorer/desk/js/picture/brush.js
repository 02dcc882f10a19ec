// The brush on the picture: mouse, pen, touch or keys paint the active region. A stroke is one
// step of undo.

import { MOST_SHAPES, REGION_UNIT, canonicalRegion } from "../recipe/regions.js";
import { clamp } from "../tools.js";

const LEAST_SPACING = 2;
const KEY_MOVE = 8;
const BRUSH_KEYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

// `acts` are {painting(), region(), tool(): {radius, erase}, paint(region, key), release(),
// resize(steps), leave(), full(words)}.
export function makeBrush(root, veil, acts) {
  const canvas = root.querySelector('canvas[data-screen="edit"]');
  let stroke = null; // {id, shapes, last, radius, erase, key}
  let strokes = 0;
  let cursor = { x: REGION_UNIT / 2, y: REGION_UNIT / 2 }; // of the keys

  function pointOf(event) {
    const box = canvas.getBoundingClientRect();
    const share = (value, size) => (REGION_UNIT * value) / size;
    return { x: share(event.clientX - box.left, box.width),
      y: share(event.clientY - box.top, box.height) };
  }

  const onGrid = (value) => clamp(Math.round(value), 0, REGION_UNIT);

  function dab({ x, y }) {
    if (stroke.shapes.length >= MOST_SHAPES) {
      acts.full("This region has as many strokes as a recipe can hold. Press Whole picture and "
        + "paint another one.");
      return;
    }
    const radius = stroke.erase ? -stroke.radius : stroke.radius;
    const shape = [onGrid(x), onGrid(y), radius];
    stroke.shapes = [...stroke.shapes, shape];
    veil.lay(shape);
    stroke.last = { x, y };
  }

  // Dabs up to a place, as close as half a radius.
  function lead(to) {
    const { last } = stroke;
    const away = Math.hypot(to.x - last.x, to.y - last.y);
    const spacing = Math.max(LEAST_SPACING, stroke.radius / 2);
    for (let at = spacing; at <= away; at += spacing) {
      dab({ x: last.x + ((to.x - last.x) * at) / away, y: last.y + ((to.y - last.y) * at) / away });
    }
  }

  function show() {
    const region = canonicalRegion(stroke.shapes);
    if (!region) return;
    veil.called(region);
    acts.paint(region, stroke.key);
  }

  function begin(id, place) {
    const { radius, erase } = acts.tool();
    const region = acts.region();
    if (erase && !region) {
      acts.full("There is nothing to erase yet: paint a region first.");
      return;
    }
    strokes += 1;
    stroke = { id, shapes: region || [], last: place, radius, erase, key: `stroke:${strokes}` };
    dab(place);
    show();
  }

  function end() {
    if (!stroke) return;
    const { key } = stroke;
    stroke = null;
    if (acts.region() && !veil.covers()) acts.paint(null, key); // all of it was erased
    acts.release();
  }

  function ringAt(place) {
    const { radius, erase } = acts.tool();
    veil.ring(place, radius, erase);
  }

  canvas.addEventListener("pointerdown", (event) => {
    if (!acts.painting() || stroke || !event.isPrimary || event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    begin(event.pointerId, pointOf(event));
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!acts.painting()) return;
    const place = pointOf(event);
    cursor = { x: onGrid(place.x), y: onGrid(place.y) };
    ringAt(place);
    if (!stroke || event.pointerId !== stroke.id) return;
    lead(place);
    show();
  });
  for (const type of ["pointerup", "pointercancel", "lostpointercapture"]) {
    canvas.addEventListener(type, (event) => {
      if (stroke && event.pointerId === stroke.id) end();
    });
  }
  canvas.addEventListener("pointerleave", () => { if (!stroke) veil.ring(null); });
  canvas.addEventListener("blur", () => veil.ring(null));

  canvas.addEventListener("keydown", (event) => {
    if (!acts.painting() || event.ctrlKey || event.metaKey || event.altKey) return;
    const move = BRUSH_KEYS[event.key];
    if (move) {
      const far = KEY_MOVE * (event.shiftKey ? 4 : 1);
      cursor = { x: onGrid(cursor.x + far * move[0]), y: onGrid(cursor.y + far * move[1]) };
    } else if (event.key === " " || event.key === "Enter") {
      begin(null, cursor);
      end();
    } else if (event.key === "[" || event.key === "]") acts.resize(event.key === "]" ? 1 : -1);
    else if (event.key === "Escape") acts.leave();
    else return;
    event.preventDefault();
    ringAt(cursor);
  });
}
