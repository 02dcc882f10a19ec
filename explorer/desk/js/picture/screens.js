// The three screens. A canvas has the model's own resolution; the page only scales it.

import { find } from "../dom.js";
import { clamp } from "../values.js";
import { paintPicture } from "./paint.js";

/** @import { Picture } from "../types.js" */
/** @typedef {ReturnType<typeof makeScreens>} Screens */
/** @typedef {"image" | "reconstruction" | "edit"} Screen */

const STAGE_GAP = 12;
const CAPTION = 23; // the heights of a caption above a screen,
const UNDER_SMALL = 193; // of what lies under the small screens, with a verdict of two lines,
const AROUND_STAGE = 411; // and of all that is above and below the stage

/**
 * The largest whole multiple of a side that fits, if that costs at most a tenth of the room:
 * then every pixel of the model has the same size on the screen.
 * @param {number} room
 * @param {number} side
 */
function snapped(room, side) {
  const ratio = window.devicePixelRatio || 1;
  const whole = Math.floor((room * ratio) / side) * (side / ratio);
  return whole >= 0.9 * room ? whole : Math.floor(room);
}

/** @param {HTMLElement} root */
export function makeScreens(root) {
  const stage = find(root, "[data-stage]", HTMLElement);
  const peek = find(root, "[data-peek]", HTMLCanvasElement);
  const canvasOf = (/** @type {Screen} */ screen) =>
    find(root, `canvas[data-screen="${screen}"]`, HTMLCanvasElement);
  const canvases = {
    image: canvasOf("image"), reconstruction: canvasOf("reconstruction"), edit: canvasOf("edit"),
  };
  /** @type {Partial<Record<Screen, Picture>>} */
  const newest = {}; // the picture that each screen shows, or will once it is let go
  let held = false; // whether the main screen shows the reconstruction instead
  let side = 64;

  /**
   * @param {Screen} screen
   * @param {Picture} picture
   */
  function draw(screen, picture) {
    paintPicture(canvases[screen], picture);
    if (screen === "edit") paintPicture(peek, picture);
  }

  function fit() {
    const width = stage.clientWidth;
    if (!width) return;
    const height = parseFloat(root.style.getPropertyValue("--desk-height")) || 800;
    // Only where the columns scroll and not the page does its height set a limit; what lies
    // beside the picture takes its room in any case.
    const limited = root.clientWidth > 1180;
    const tall = height - AROUND_STAGE - CAPTION;
    const [least, most] = [0.23 * width, 0.255 * width];
    const small = snapped(limited ? clamp(tall - UNDER_SMALL, least, most) : most, side);
    const room = width - 2 * small - 2 * STAGE_GAP;
    const fits = limited ? Math.max(small + UNDER_SMALL, tall) : room;
    const edit = snapped(Math.min(room, fits), side);
    // Large pixels are shown as such; of small ones that would only make some larger than others.
    stage.style.setProperty("--rendering", edit >= 3 * side ? "pixelated" : "auto");
    stage.style.setProperty("--small", `${small}px`);
    stage.style.setProperty("--edit", `${edit}px`);
  }

  /** The desk is as tall as the window leaves it, so that its columns scroll and not the page. */
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
    /**
     * @param {number} height of the pictures, in their own pixels
     * @param {number} width
     */
    setShape(height, width) {
      side = width;
      stage.style.setProperty("--aspect", `${width} / ${height}`);
      fit();
    },
    /**
     * @param {Screen} screen
     * @param {Picture} picture
     */
    paint(screen, picture) {
      newest[screen] = picture;
      if (screen !== "edit" || !held) draw(screen, picture);
      if (screen === "reconstruction" && held) draw("edit", picture);
    },
    /** @param {boolean} on whether the main screen shows the reconstruction */
    hold(on) {
      held = on;
      const picture = newest[held ? "reconstruction" : "edit"];
      if (picture) draw("edit", picture);
    },
  };
}
