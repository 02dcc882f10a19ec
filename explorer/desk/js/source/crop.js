// The crop of an upload: a square on the whole picture, moved by drag, wheel, zoom or keys.

import { find } from "../dom.js";
import { clamp, later } from "../values.js";

/** @import { Crop, Source } from "../types.js" */

const WAIT_MS = 250;
const LEAST_SIZE = 0.125;
const STEP = 0.02; // of the picture, by an arrow key
const LONG_STEP = 0.1; // with Shift

/** @type {Record<string, [right: number, down: number]>} */
const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/**
 * @param {HTMLElement} root
 * @param {(crop: Crop) => void} changed
 */
export function makeCrop(root, changed) {
  const panel = find(root, "[data-crop]", HTMLElement);
  const view = find(root, "[data-crop-view]", HTMLElement);
  const image = find(root, "[data-crop-image]", HTMLImageElement);
  const box = find(root, "[data-crop-box]", HTMLElement);
  const zoom = find(root, "[data-crop-zoom]", HTMLInputElement);
  let upload = { width: 1, height: 1 };
  /** @type {Crop} */
  let crop = { x: 0, y: 0, size: 1 };
  /** @type {{ x: number, y: number, crop: Crop } | null} */
  let grip = null; // where the drag began
  const sending = later(WAIT_MS, () => changed({ ...crop }));

  /**
   * The square's sides as fractions of the width and the height.
   * @param {number} size
   */
  function sides(size) {
    const pixels = size * Math.min(upload.width, upload.height);
    return { w: pixels / upload.width, h: pixels / upload.height };
  }

  /** @param {Crop} next */
  function place(next) {
    const size = clamp(next.size, LEAST_SIZE, 1);
    const { w, h } = sides(size);
    crop = {
      x: rounded(clamp(next.x, 0, 1 - w)), y: rounded(clamp(next.y, 0, 1 - h)),
      size: rounded(size),
    };
    box.style.left = `${100 * crop.x}%`;
    box.style.top = `${100 * crop.y}%`;
    box.style.width = `${100 * w}%`;
    box.style.height = `${100 * h}%`;
    box.style.touchAction = h >= 1 ? "pan-y" : "none"; // no way to go up or down: the page scrolls
    zoom.value = String(1 / crop.size);
  }

  /**
   * Another size around the same centre.
   * @param {number} size
   */
  function resize(size) {
    const before = sides(crop.size);
    const after = sides(clamp(size, LEAST_SIZE, 1));
    place({
      x: crop.x + (before.w - after.w) / 2, y: crop.y + (before.h - after.h) / 2, size,
    });
  }

  function drop() {
    if (!grip) return;
    const moved = grip.crop.x !== crop.x || grip.crop.y !== crop.y;
    grip = null;
    if (moved) sending.ask();
  }

  box.addEventListener("pointerdown", (event) => {
    grip = { x: event.clientX, y: event.clientY, crop };
    box.setPointerCapture(event.pointerId);
    sending.drop();
  });
  box.addEventListener("pointermove", (event) => {
    if (!grip) return;
    place({
      x: grip.crop.x + (event.clientX - grip.x) / view.clientWidth,
      y: grip.crop.y + (event.clientY - grip.y) / view.clientHeight,
      size: crop.size,
    });
  });
  box.addEventListener("pointerup", drop);
  box.addEventListener("pointercancel", drop);

  zoom.addEventListener("input", () => {
    sending.drop();
    resize(1 / Number(zoom.value));
  });
  zoom.addEventListener("change", () => sending.ask());
  box.addEventListener("wheel", (event) => {
    if (document.activeElement !== box) return;
    event.preventDefault();
    resize(crop.size * (event.deltaY > 0 ? 1.06 : 1 / 1.06));
    sending.ask();
  }, { passive: false });
  box.addEventListener("keydown", (event) => {
    const step = event.shiftKey ? LONG_STEP : STEP;
    if (event.key in MOVES) {
      const [right, down] = MOVES[event.key];
      place({ x: crop.x + step * right, y: crop.y + step * down, size: crop.size });
    } else if (event.key === "+" || event.key === "=") resize(crop.size / 1.1);
    else if (event.key === "-") resize(crop.size * 1.1);
    else return;
    event.preventDefault();
    sending.ask();
  });

  return {
    hide() {
      sending.drop();
      panel.hidden = true;
    },
    /** @param {Source} source */
    show(source) {
      upload = { width: source.width, height: source.height };
      view.style.aspectRatio = `${source.width} / ${source.height}`;
      view.style.setProperty("--ratio", String(source.width / source.height));
      if (image.getAttribute("src") !== source.png) image.src = source.png;
      panel.hidden = false;
      if (!grip && !sending.waiting()) place(source.crop);
    },
  };
}

/** @param {number} value */
function rounded(value) {
  return Number(value.toFixed(5));
}
