// The picture is a pad: a drag sideways moves one axis, up and down another.

import { AXIS_STEP, MOST_SIGMA } from "../bank/axis.js";
import { keySteps } from "../bank/nudge.js";
import { find } from "../dom.js";
import { sigmaOf } from "../recipe/edits.js";
import { TOUCH_SLACK_PX, isSideways } from "../touch.js";
import { clamp, later } from "../values.js";
import { drawWay, findWays, makeChoices, wordsOf } from "./padaxes.js";

/** @import { AxisId, HuedLevel, Model, Reasons, Recipe, Region } from "../types.js" */
/** @import { Way } from "./padaxes.js" */

const WHOLE_SIGMAS = 2 * MOST_SIGMA; // of the picture's whole width or height
const SLACK_PX = 3; // a press that moves less is a click
const DOUBLE_TAP_MS = 350;
const TOUCH_HOLD_MS = 250; // a finger that rests so long has taken hold of the picture

/**
 * What the pad asks and does.
 * @typedef {object} PadActions
 * @property {(moves: (AxisId & { sigma: number })[], key: string, merge: boolean) => void} move
 * @property {() => void} release
 * @property {() => Recipe} recipe
 * @property {(level: number) => { region: Region | null }} where what an axis of a level moves
 * @property {() => boolean} isPainting while the hand paints (brush.js) the picture is no pad
 */

/**
 * A drag.
 * @typedef {object} Grip
 * @property {number} id of the pointer
 * @property {number} x where it began, in pixels
 * @property {number} y
 * @property {number} width of the picture, in pixels
 * @property {number} height
 * @property {number[]} from how far each way's axis was moved
 * @property {boolean} moved whether it moved anything
 * @property {boolean} loose whether it may still be a scroll
 */

/**
 * @param {HTMLElement} root
 * @param {PadActions} actions
 */
export function makePad(root, actions) {
  const stage = find(root, "[data-stage]", HTMLElement);
  const canvas = find(root, 'canvas[data-screen="edit"]', HTMLCanvasElement);
  const panel = find(root, "[data-pad]", HTMLElement);
  const ways = findWays(root);
  const choices = makeChoices(ways);
  /** @type {string | null} */
  let built = null;
  /** @type {Reasons} */
  let reasons = {};
  /** @type {Grip | null} */
  let grip = null;
  let tapped = -Infinity;

  // ---- what is shown ----

  /** @param {HuedLevel[]} levels */
  function offer(levels) {
    panel.hidden = !choices.offer(levels);
    for (const way of ways) draw(way);
    describe();
  }

  function describe() {
    canvas.setAttribute("aria-label", `The picture under your edit${actions.isPainting()
      ? ". Paint a region on it, or move the brush by the arrow keys and press Space to dab."
      : wordsOf(ways)}`);
  }

  /** @param {Way} way */
  function draw(way) {
    if (way.axis) drawWay(way, reasons[String(way.axis.level)] || "");
  }

  /** @param {Recipe} recipe */
  function read(recipe) {
    for (const way of ways) {
      const { axis } = way;
      const sigma = axis ? sigmaOf(recipe, axis, actions.where(axis.level).region) : 0;
      if (sigma === way.sigma) continue;
      way.sigma = sigma;
      draw(way);
    }
  }

  for (const way of ways) {
    way.select.addEventListener("change", () => {
      choices.take(way);
      describe();
      read(actions.recipe());
      ways.forEach(draw);
    });
  }

  // ---- the hand ----

  /**
   * Moves the axes to these values, as far as they are others; null leaves one alone.
   * @param {(number | null)[]} values
   * @param {boolean} merge
   */
  function place(values, merge) {
    const moves = ways.flatMap(({ axis, sigma: before }, at) => {
      const value = values[at];
      if (!axis || value === null) return [];
      const sigma = Number(clamp(value, -MOST_SIGMA, MOST_SIGMA).toFixed(2));
      const { level, kind, index } = axis;
      return sigma === before ? [] : [{ level, kind, index, sigma }];
    });
    if (moves.length) actions.move(moves, `pad:${ways.map((way) => way.select.value)}`, merge);
  }

  function centre() {
    place([0, 0], false);
    actions.release();
  }

  function drop() {
    if (!grip) return;
    const { moved } = grip;
    grip = null;
    holding.drop();
    stage.classList.remove("dragging");
    if (moved) actions.release();
  }

  // A finger that goes up or down at once scrolls the page; one that goes sideways, or has
  // rested, drags the picture wherever it goes then.
  const holding = later(TOUCH_HOLD_MS, () => {
    if (grip) grip.loose = false;
    stage.classList.add("dragging");
  });

  canvas.addEventListener("pointerdown", (event) => {
    if (actions.isPainting() || grip || !event.isPrimary || event.button !== 0) return;
    const { width, height } = canvas.getBoundingClientRect();
    canvas.setPointerCapture(event.pointerId);
    grip = {
      id: event.pointerId, x: event.clientX, y: event.clientY, width, height,
      from: ways.map((way) => way.sigma), moved: false, loose: event.pointerType === "touch",
    };
    if (grip.loose) holding.ask();
  });
  canvas.addEventListener("touchmove", (event) => {
    if (grip && !grip.loose && event.cancelable) event.preventDefault(); // else it may scroll
  }, { passive: false });
  canvas.addEventListener("pointermove", (event) => {
    if (!grip || event.pointerId !== grip.id) return;
    const right = event.clientX - grip.x;
    const up = grip.y - event.clientY;
    if (!takes(grip, right, up)) {
      if (Math.hypot(right, up) > TOUCH_SLACK_PX) holding.drop();
      return;
    }
    holding.drop();
    Object.assign(grip, { moved: true, loose: false });
    stage.classList.add("dragging");
    place([grip.from[0] + (WHOLE_SIGMAS * right) / grip.width,
      grip.from[1] + (WHOLE_SIGMAS * up) / grip.height], false);
  });
  canvas.addEventListener("pointerup", (event) => {
    if (!grip || event.pointerId !== grip.id) return;
    const near = Math.hypot(event.clientX - grip.x, event.clientY - grip.y) <= TOUCH_SLACK_PX;
    const tap = !grip.moved && near && event.pointerType !== "mouse";
    drop();
    // Not every browser makes a double-click of two taps.
    const again = tap && event.timeStamp - tapped < DOUBLE_TAP_MS;
    tapped = tap && !again ? event.timeStamp : -Infinity;
    if (again) centre();
  });
  for (const type of /** @type {const} */ (["pointercancel", "lostpointercapture"])) {
    canvas.addEventListener(type, (event) => {
      if (grip && event.pointerId === grip.id) drop();
    });
  }
  canvas.addEventListener("dblclick", () => { if (!actions.isPainting()) centre(); });

  canvas.addEventListener("keydown", (event) => {
    if (actions.isPainting() || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "0") {
      centre();
      return;
    }
    const steps = keySteps(event);
    if (!steps) return;
    event.preventDefault();
    const sideways = event.key === "ArrowLeft" || event.key === "ArrowRight";
    place(ways.map((way, at) =>
      ((at === 0) === sideways ? way.sigma + AXIS_STEP * steps : null)), true);
    actions.release();
  });

  return {
    /**
     * Other axes come with another model only, or by `offer` where they are too many to list.
     * @param {Model} model
     * @param {HuedLevel[]} levels
     */
    build(model, levels) {
      const key = `${model.id}:${model.hash}`;
      if (key === built) return;
      built = key;
      drop();
      for (const way of ways) Object.assign(way, { axis: null, sigma: 0 });
      offer(levels);
    },
    sync: read,
    offer,
    describe,
    /** @param {Reasons} next */
    shadow(next) {
      reasons = next;
      ways.forEach(draw);
    },
  };
}

/**
 * Whether a pointer that went so far drags.
 * @param {Grip} grip
 * @param {number} right in pixels
 * @param {number} up
 */
function takes(grip, right, up) {
  return grip.moved
    || (grip.loose ? isSideways(right, up) : Math.hypot(right, up) >= SLACK_PX);
}
