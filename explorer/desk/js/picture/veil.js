// The veil over the picture: the active region, tinted and with an outline, and the ring of the
// brush. It is drawn in the page alone, so a stroke never waits for the server.

import { REGION_UNIT, layShape, maskOf } from "../recipe/regions.js";
import { setHidden } from "../tools.js";

const STRIPES = [[255, 255, 255, 80], [70, 60, 220, 110]]; // seen on any picture

export function makeVeil(root) {
  const canvas = root.querySelector("[data-veil]");
  const ring = root.querySelector("[data-ring]");
  const context = canvas.getContext("2d");
  const size = REGION_UNIT;
  const picture = context.createImageData(size, size);
  const words = new Uint32Array(picture.data.buffer);
  let drawn = null; // the region that the mask is of
  let mask = maskOf(null);
  let tinted = false;
  let waiting = false;

  const word = (r, g, b, a) => ((a << 24) | (b << 16) | (g << 8) | r) >>> 0;
  const light = word(255, 255, 255, 235);
  const dark = word(20, 24, 32, 235);

  // A dashed line in two tones, seen on light and on dark, where the mask crosses one half.
  function outline(x, y, at) {
    if (mask[at] < 0.5) return 0;
    const inside = x > 0 && mask[at - 1] >= 0.5 && x < size - 1 && mask[at + 1] >= 0.5
      && y > 0 && mask[at - size] >= 0.5 && y < size - 1 && mask[at + size] >= 0.5;
    if (inside) return 0;
    return ((x + y) >> 2) & 1 ? light : dark;
  }

  function draw() {
    waiting = false;
    for (let y = 0, at = 0; y < size; y += 1) {
      for (let x = 0; x < size; x += 1, at += 1) {
        const [r, g, b, a] = STRIPES[((x + y) >> 3) & 1];
        words[at] = outline(x, y, at)
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
    // The region to show, or null for none.
    show(region, tint) {
      const same = region === drawn && tint === tinted;
      setHidden(canvas, !region);
      if (same) return;
      if (region !== drawn) mask = maskOf(region);
      drawn = region;
      tinted = tint;
      if (region) ask();
    },
    // A shape more of the region shown, which is then called `region`: in a long stroke only
    // what is new is drawn.
    lay: (shape) => layShape(mask, shape),
    called(region) {
      drawn = region;
      ask();
    },
    // Whether anything is left of the region shown.
    covers: () => mask.some((cover) => cover > 0.05),
    // The ring at a place of the picture, in units of 1/256; null takes it away.
    ring(place, radius, erasing) {
      setHidden(ring, !place);
      if (!place) return;
      const share = (units) => `${(100 * units) / REGION_UNIT}%`;
      ring.style.left = share(place.x - radius);
      ring.style.top = share(place.y - radius);
      ring.style.width = share(2 * radius);
      ring.style.height = share(2 * radius);
      ring.classList.toggle("erasing", erasing);
    },
  };
}
