// The three screens. A canvas has the model's own resolution; the page only scales it.

const STAGE_GAP = 12;

// Paints {w, h, rgb} at once; until then the canvas shows what it showed before.
function paintFrame(canvas, frame) {
  if (canvas.width !== frame.w || canvas.height !== frame.h) {
    canvas.width = frame.w;
    canvas.height = frame.h;
  }
  const raw = atob(frame.rgb);
  const pixels = new ImageData(frame.w, frame.h);
  const data = pixels.data;
  for (let from = 0, to = 0; from < raw.length; from += 3, to += 4) {
    data[to] = raw.charCodeAt(from);
    data[to + 1] = raw.charCodeAt(from + 1);
    data[to + 2] = raw.charCodeAt(from + 2);
    data[to + 3] = 255;
  }
  canvas.getContext("2d").putImageData(pixels, 0, 0);
}

// The largest whole multiple of a side that fits, if that costs at most a tenth of the room:
// then every pixel of the model has the same size on the screen.
function snapped(room, side) {
  const ratio = window.devicePixelRatio || 1;
  const whole = Math.floor((room * ratio) / side) * (side / ratio);
  return whole >= 0.9 * room ? whole : Math.floor(room);
}

function makeScreens(root) {
  const stage = root.querySelector("[data-stage]");
  const peek = root.querySelector("[data-peek]");
  const canvases = {};
  for (const canvas of root.querySelectorAll("canvas[data-screen]")) {
    canvases[canvas.dataset.screen] = canvas;
  }
  let side = 64;

  function fit() {
    const width = stage.clientWidth;
    if (!width) return;
    const height = parseFloat(root.style.getPropertyValue("--desk-height")) || 800;
    const small = snapped(0.255 * width, side);
    const room = width - 2 * small - 2 * STAGE_GAP;
    // Only where the columns scroll and not the page does its height set a limit.
    const most = root.clientWidth > 1180 ? Math.max(240, height - 428) : room;
    const edit = snapped(Math.min(room, most), side);
    stage.style.setProperty("--small", `${small}px`);
    stage.style.setProperty("--edit", `${edit}px`);
  }

  // The desk is as tall as the window leaves it, so that its columns scroll and not the page.
  function fitHeight() {
    if (!root.offsetParent) return;
    const top = root.getBoundingClientRect().top + window.scrollY;
    const height = Math.max(600, window.innerHeight - top - 12);
    root.style.setProperty("--desk-height", `${Math.floor(height)}px`);
    fit();
  }

  // On a phone the small copy beside the sliders shows once the large picture is out of sight.
  new IntersectionObserver(([entry]) => {
    root.classList.toggle("scrolled", entry.intersectionRatio < 0.4);
  }, { threshold: [0, 0.4, 1] }).observe(canvases.edit);

  window.addEventListener("resize", fitHeight);
  new ResizeObserver(fitHeight).observe(document.body);
  new ResizeObserver(fit).observe(stage);
  fitHeight();

  return {
    setShape(height, width) {
      side = width;
      stage.style.setProperty("--aspect", `${width} / ${height}`);
      fit();
    },
    paint(screen, frame) {
      paintFrame(canvases[screen], frame);
      if (screen === "edit") paintFrame(peek, frame);
    },
  };
}
