// Small moves of a range input by keys and by the wheel, through its own input and change events.

import { clamp } from "../values.js";

const SHIFT_STEPS = 10;
const NOTCH_PX = 30; // of a finely turning wheel or touchpad, after its first event
const WHEEL_PAUSE_MS = 250; // longer than between two events of one turn of the wheel
/** @type {Record<string, number>} */
const ARROWS = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 };
/** @type {Record<string, number>} */
const LEAPS = { PageUp: SHIFT_STEPS, PageDown: -SHIFT_STEPS, Home: -Infinity, End: Infinity };

/**
 * By how many steps a key moves; 0 if it does not.
 * @param {KeyboardEvent} event
 */
export function keySteps(event) {
  if (event.ctrlKey || event.altKey || event.metaKey) return 0;
  const arrow = ARROWS[event.key] || 0;
  return arrow ? arrow * (event.shiftKey ? SHIFT_STEPS : 1) : LEAPS[event.key] || 0;
}

/**
 * Watches for turns of the wheel over a focused input. It listens only while the input has the
 * focus, and leaves alone a scroll of the page that brought the input under the pointer.
 * @param {HTMLInputElement} input
 * @param {(steps: number) => void} turned
 */
function watchWheel(input, turned) {
  let elsewhere = -Infinity;
  let last = -Infinity;
  let rest = 0;

  /** @param {WheelEvent} event */
  function outside(event) {
    if (event.target !== input) elsewhere = event.timeStamp;
  }

  /** @param {WheelEvent} event */
  function inside(event) {
    // Chromium and macOS turn the wheel sideways while Shift is down.
    const turn = event.deltaY || (event.shiftKey ? event.deltaX : 0);
    if (!turn || event.ctrlKey || event.metaKey) return;
    if (event.timeStamp - elsewhere < WHEEL_PAUSE_MS) {
      elsewhere = event.timeStamp;
      return;
    }
    event.preventDefault();
    const begins = event.timeStamp - last > WHEEL_PAUSE_MS || rest * turn < 0;
    last = event.timeStamp;
    rest = begins ? 0 : rest;
    rest += event.deltaMode === WheelEvent.DOM_DELTA_PIXEL ? turn : turn * NOTCH_PX;
    if (!begins && Math.abs(rest) < NOTCH_PX) return;
    // Not 0, so that the next event still knows which way the wheel turns.
    rest = Math.sign(turn) * Number.MIN_VALUE;
    turned(-Math.sign(turn) * (event.shiftKey ? SHIFT_STEPS : 1));
  }

  input.addEventListener("focus", () => {
    elsewhere = -Infinity;
    input.addEventListener("wheel", inside, { passive: false });
    document.addEventListener("wheel", outside, { passive: true, capture: true });
  });
  input.addEventListener("blur", () => {
    input.removeEventListener("wheel", inside);
    document.removeEventListener("wheel", outside, { capture: true });
  });
}

/**
 * Arrow keys move by a step, with Shift by ten; the wheel does so once the input has the focus.
 * @param {HTMLInputElement} input
 * @param {() => void} [before] runs before each move
 */
export function makeNudges(input, before) {
  /** @param {number} steps */
  function nudge(steps) {
    const [least, most, step] = [input.min, input.max, input.step].map(Number);
    const at = Math.round((Number(input.value) - least) / step) + steps;
    const next = Number(clamp(least + at * step, least, most).toFixed(4));
    before?.();
    if (next === Number(input.value)) return;
    input.value = String(next);
    input.dispatchEvent(new Event("input", { bubbles: true }));
    input.dispatchEvent(new Event("change", { bubbles: true }));
  }

  input.addEventListener("keydown", (event) => {
    const steps = keySteps(event);
    if (!steps) return;
    event.preventDefault();
    nudge(steps);
  });
  watchWheel(input, nudge);
}
