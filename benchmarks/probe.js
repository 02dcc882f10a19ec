// What a page shows, frame by frame; the same script in every design, put in before the page's own.
//
// A frame is looked at after every animation callback and the layout, just before it is painted:
// a ResizeObserver on a sentinel, which changes its size in each frame, is called at that point.

(() => {
  "use strict";
  const COVERED_OPACITY = 0.999;
  let spec = null; // {picture, container, slider, overlay, stamp}
  let running = false;
  let ticking = 0; // the animation callback under way
  let inputs = []; // [milliseconds, step]
  let painted = []; // [milliseconds, step or null]: the first frame that shows it
  let counts = null;
  let shown; // the step on the screen; undefined before the first frame
  let image = null; // the picture element of the frame before
  let pending = null; // {from, deadline, resolve}

  const scratch = document.createElement("canvas");
  const paper = scratch.getContext("2d", { willReadFrequently: true });
  const sentinel = document.createElement("div");
  sentinel.style.cssText = "position:fixed;left:0;top:0;width:1px;height:1px;contain:strict;"
    + "visibility:hidden;pointer-events:none";
  const observer = new ResizeObserver(look);

  function use(wanted) {
    spec = wanted;
    scratch.width = spec.stamp.digits * spec.stamp.block;
    scratch.height = spec.stamp.block;
  }

  // The step in the picture's corner; null if there is none. As `stamp.read`.
  function read(picture) {
    const { block, digits, base, grey, spacing, tolerance, steps } = spec.stamp;
    const width = picture.naturalWidth || picture.width;
    const height = picture.naturalHeight || picture.height;
    if (width < digits * block || height < block) return null;
    paper.clearRect(0, 0, digits * block, block);
    try {
      paper.drawImage(picture, 0, 0, digits * block, block, 0, 0, digits * block, block);
    } catch (problem) {
      return null; // an image that could not be decoded
    }
    const { data } = paper.getImageData(0, 0, digits * block, block);
    const found = [];
    for (let at = 0; at < digits; at += 1) {
      let sum = 0;
      for (let y = 2; y < block - 2; y += 1) {
        for (let x = 2; x < block - 2; x += 1) {
          const i = 4 * (y * digits * block + at * block + x);
          if (data[i + 3] !== 255) return null;
          sum += 0.299 * data[i] + 0.587 * data[i + 1] + 0.114 * data[i + 2];
        }
      }
      const mean = sum / (block - 4) ** 2;
      const digit = Math.round((mean - grey) / spacing);
      if (digit < 0 || digit >= base) return null;
      if (Math.abs(mean - grey - spacing * digit) > tolerance) return null;
      found.push(digit);
    }
    const [high, low, check] = found;
    const step = base * high + low;
    return step < steps && check === (high + 3 * low + 5) % base ? step : null;
  }

  // Whether anything lies over the middle of the picture, or it is not opaque.
  function covered(picture) {
    const box = picture.getBoundingClientRect();
    if (box.width === 0 || box.height === 0) return true;
    const top = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
    const container = picture.closest(spec.container);
    if (top === null || !(container.contains(top) || top.contains(picture))) return true;
    for (let node = picture; node && node !== container.parentElement; node = node.parentElement) {
      const { opacity, visibility } = getComputedStyle(node);
      if (Number(opacity) < COVERED_OPACITY || visibility === "hidden") return true;
    }
    const veil = spec.overlay && container.querySelector(spec.overlay);
    return Boolean(veil && veil.checkVisibility({ opacityProperty: true, visibilityProperty: true }));
  }

  function look() {
    if (!running) return;
    const now = performance.now();
    const picture = document.querySelector(spec.picture);
    // An image that was given another source shows the old one until the new one is there.
    const loading = picture !== null && picture === image && picture.complete === false;
    const step = loading && shown !== undefined ? shown : picture && read(picture);
    image = picture;
    counts.frames += 1;
    if (step === null) counts.blank += 1;
    else if (covered(picture)) counts.covered += 1;
    if (step !== shown) {
      painted.push([now, step]);
      shown = step;
    }
    settle(now);
  }

  function settle(now) {
    if (!pending) return;
    const last = inputs[inputs.length - 1];
    const moved = inputs.length > pending.from;
    if (moved && shown === last[1]) answer({ latency_ms: now - last[0], step: shown });
    else if (now > pending.deadline) answer({ latency_ms: null, moved });
  }

  function answer(value) {
    const { resolve } = pending;
    pending = null;
    resolve(value);
  }

  function tick() {
    sentinel.style.width = sentinel.style.width === "1px" ? "2px" : "1px";
    ticking = requestAnimationFrame(tick);
  }

  function heard(event) {
    if (!running || !event.target.matches(spec.slider)) return;
    const { lowest, step_sigma } = spec.stamp;
    const step = Math.round((Number(event.target.value) - lowest) / step_sigma);
    inputs.push([performance.now(), step]);
  }

  document.addEventListener("input", heard, { capture: true });

  window.probe = {
    start(wanted) {
      use(wanted);
      inputs = [];
      painted = [];
      counts = { frames: 0, blank: 0, covered: 0 };
      shown = undefined;
      image = null;
      running = true;
      document.documentElement.append(sentinel);
      observer.observe(sentinel);
      ticking = requestAnimationFrame(tick);
    },
    // The step that a picture of the page shows now, or null.
    shows(wanted) {
      use(wanted);
      const picture = document.querySelector(spec.picture);
      return picture && read(picture);
    },
    // Resolves once the picture of the next input is about to be painted, or the time is over.
    next(timeout_ms) {
      return new Promise((resolve) => {
        pending = { from: inputs.length, deadline: performance.now() + timeout_ms, resolve };
      });
    },
    // Resolves once the picture of the last input is on the screen, or the time is over.
    rest(timeout_ms) {
      const last = inputs[inputs.length - 1];
      if (!last || shown === last[1]) return null;
      return new Promise((resolve) => {
        pending = { from: -1, deadline: performance.now() + timeout_ms, resolve };
      });
    },
    stop() {
      running = false;
      cancelAnimationFrame(ticking);
      observer.disconnect();
      sentinel.remove();
      return { inputs, painted, ...counts, ended_ms: performance.now() };
    },
  };
})();
