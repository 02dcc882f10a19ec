// One axis of a level: its label and a slider in units of σ.

import { make, setText } from "../dom.js";
import { nameOf, signed } from "../words.js";
import { makeNudges } from "./nudge.js";

/** @import { Axis, Kind, Level } from "../types.js" */
/** @import { BankActions } from "./bank.js" */

export const AXIS_STEP = 0.05;
export const MOST_SIGMA = 3;

/** @param {number} sigma */
export function sigmaText(sigma) {
  return sigma === 0 ? "0" : `${sigma > 0 ? "+" : ""}${signed(sigma, 2)} σ`;
}

/**
 * What an axis weighs, in short: the tooltip says it in full.
 * @param {Axis} axis
 */
export function weightOf(axis) {
  return axis.detail.replace(" of variance", "");
}

/**
 * @param {Level} level
 * @param {Kind} kind
 * @param {Axis} axis
 * @param {boolean} isStart whether it is the slider to start with
 * @param {BankActions} actions
 */
export function makeAxis(level, kind, axis, isStart, actions) {
  const input = make("input", {
    type: "range", min: -MOST_SIGMA, max: MOST_SIGMA, step: AXIS_STEP, value: 0,
    "data-level": level.t, "data-kind": kind, "data-index": axis.index,
    "aria-label": `${nameOf(level.t)} · ${axis.label} · ${axis.detail}`,
  });
  const output = make("output", {}, "0");
  const most = isStart ? " · start here: it moves this picture most" : "";
  const node = make("label", {
    class: isStart ? "axis try" : "axis", title: `${axis.label} · ${axis.detail}${most}`,
  },
    make("span", { class: "axis-name" }, axis.label, make("i", {}, weightOf(axis))),
    output, input);
  /** @type {number | null} */
  let last = null;
  let nudged = false;

  /** @param {number} sigma */
  function show(sigma) {
    if (sigma === last) return;
    last = sigma;
    if (Number(input.value) !== sigma) input.value = String(sigma);
    setText(output, sigmaText(sigma));
    input.setAttribute("aria-valuetext", `${sigma} σ`);
    input.style.setProperty("--at", String((sigma + MOST_SIGMA) / (2 * MOST_SIGMA)));
    node.classList.toggle("moved", sigma !== 0);
  }

  /**
   * @param {number} sigma
   * @param {boolean} merge
   */
  function slide(sigma, merge) {
    actions.slide({ level: level.t, kind, index: axis.index, sigma }, merge);
  }

  function centre() {
    show(0);
    slide(0, true);
    actions.release();
  }

  makeNudges(input, () => { nudged = true; });
  input.addEventListener("pointerdown", () => { nudged = false; });
  input.addEventListener("keydown", (event) => {
    if (event.key === "0" && !event.ctrlKey && !event.metaKey && !event.altKey) centre();
  });
  input.addEventListener("input", () => {
    const sigma = Number(input.value);
    show(sigma);
    slide(sigma, nudged);
  });
  input.addEventListener("change", () => actions.release());
  input.addEventListener("dblclick", centre);
  show(0);
  return { node, input, show, index: axis.index };
}
