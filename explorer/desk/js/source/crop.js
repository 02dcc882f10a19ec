// The crop of an upload: a square on the whole picture, moved by drag, wheel, zoom or keys.
// `size` is a fraction of the shorter side, x and y of the width and height.

import { clamp, later } from "../tools.js";

const CROP_WAIT_MS = 250;
const LEAST_CROP = 0.125;

export function makeCrop(root, changed) {
  const panel = root.querySelector("[data-crop]");
  const view = root.querySelector("[data-crop-view]");
  const image = root.querySelector("[data-crop-image]");
  const box = root.querySelector("[data-crop-box]");
  const zoom = root.querySelector("[data-crop-zoom]");
  let upload = { width: 1, height: 1 };
  let crop = { x: 0, y: 0, size: 1 };
  let grip = null;
  const send = later(CROP_WAIT_MS, () => changed({ ...crop }));

  // The square's sides as fractions of the width and the height.
  function sides(size) {
    const pixels = size * Math.min(upload.width, upload.height);
    return { w: pixels / upload.width, h: pixels / upload.height };
  }

  function place(next) {
    const size = clamp(next.size, LEAST_CROP, 1);
    const { w, h } = sides(size);
    const tidy = (value) => Number(value.toFixed(5));
    crop = {
      x: tidy(clamp(next.x, 0, 1 - w)), y: tidy(clamp(next.y, 0, 1 - h)), size: tidy(size),
    };
    box.style.left = `${100 * crop.x}%`;
    box.style.top = `${100 * crop.y}%`;
    box.style.width = `${100 * w}%`;
    box.style.height = `${100 * h}%`;
    box.style.touchAction = h >= 1 ? "pan-y" : "none"; // no way to go up or down: the page scrolls
    zoom.value = String(1 / crop.size);
  }

  // Another size around the same centre.
  function resize(size) {
    const before = sides(crop.size);
    const after = sides(clamp(size, LEAST_CROP, 1));
    place({
      x: crop.x + (before.w - after.w) / 2, y: crop.y + (before.h - after.h) / 2, size,
    });
  }

  box.addEventListener("pointerdown", (event) => {
    grip = { x: event.clientX, y: event.clientY, crop };
    box.setPointerCapture(event.pointerId);
    send.drop();
  });
  box.addEventListener("pointermove", (event) => {
    if (!grip) return;
    place({
      x: grip.crop.x + (event.clientX - grip.x) / view.clientWidth,
      y: grip.crop.y + (event.clientY - grip.y) / view.clientHeight,
      size: crop.size,
    });
  });
  const drop = () => {
    if (!grip) return;
    const moved = grip.crop.x !== crop.x || grip.crop.y !== crop.y;
    grip = null;
    if (moved) send.ask();
  };
  box.addEventListener("pointerup", drop);
  box.addEventListener("pointercancel", drop);

  zoom.addEventListener("input", () => {
    send.drop();
    resize(1 / Number(zoom.value));
  });
  zoom.addEventListener("change", () => send.ask());
  box.addEventListener("wheel", (event) => {
    if (document.activeElement !== box) return;
    event.preventDefault();
    resize(crop.size * (event.deltaY > 0 ? 1.06 : 1 / 1.06));
    send.ask();
  }, { passive: false });
  box.addEventListener("keydown", (event) => {
    const step = event.shiftKey ? 0.1 : 0.02;
    const moves = {
      ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step],
    };
    if (moves[event.key]) {
      const [dx, dy] = moves[event.key];
      place({ x: crop.x + dx, y: crop.y + dy, size: crop.size });
    } else if (event.key === "+" || event.key === "=") resize(crop.size / 1.1);
    else if (event.key === "-") resize(crop.size * 1.1);
    else return;
    event.preventDefault();
    send.ask();
  });

  return {
    hide() {
      send.drop();
      panel.hidden = true;
    },
    show(source) {
      upload = { width: source.width, height: source.height };
      view.style.aspectRatio = `${source.width} / ${source.height}`;
      view.style.setProperty("--ratio", source.width / source.height);
      if (image.getAttribute("src") !== source.png) image.src = source.png;
      panel.hidden = false;
      if (!grip && !send.waiting()) place(source.crop);
    },
  };
}
