// The elements of one column of the waterfall: a bar for the image and one for the test set's mean.

import { make, setHidden } from "../dom.js";
import { shareOf } from "./columns.js";

/** @import { Column, Range, Step } from "./columns.js" */

/** @typedef {{ bar: HTMLElement, whisker: HTMLElement }} Bar */
/** @typedef {Column & ReturnType<typeof makeColumn>} BuiltColumn */

/**
 * @param {string} who
 * @returns {Bar}
 */
function makeBar(who) {
  return { bar: make("i", { class: `step ${who}` }), whisker: make("i", { class: "whisker" }) };
}

/**
 * @param {Column} column
 * @param {boolean} isStop whether the Tab key stops there
 */
export function makeColumn(column, isStop) {
  const bars = { image: makeBar("here"), mean: makeBar("there") };
  const labels = { image: make("b", {}), mean: make("span", {}) };
  const name = make("em", {}, make("span", { class: "long" }, column.name),
    make("span", { class: "short" }, column.short || column.name));
  const { hue, thin, within, row } = column;
  const node = make("button", {
    type: "button", class: `bar${hue === undefined ? "" : " level"}${thin ? " thin" : ""}`,
    "data-part": column.key, tabindex: isStop ? 0 : -1, "aria-pressed": "false",
    "aria-expanded": row && row.levels.length > 1 ? "false" : null,
    style: hue === undefined ? null : `--hue: ${hue}`, hidden: Boolean(within),
  }, make("span", { class: "plot" }, bars.image.bar, bars.image.whisker, bars.mean.bar,
    bars.mean.whisker), name, labels.image, labels.mean);
  return { ...column, node, bars, labels };
}

/**
 * @param {Bar} parts
 * @param {Step} step
 * @param {Range} range
 */
export function placeBar({ bar, whisker }, step, range) {
  const [a, b] = [shareOf(range, step.from), shareOf(range, step.to)];
  bar.style.bottom = `${Math.min(a, b)}%`;
  bar.style.height = `${Math.abs(b - a)}%`;
  bar.classList.toggle("back", step.value < 0);
  setHidden(whisker, step.error === null);
  if (step.error === null) return;
  const half = (100 * step.error) / range.span;
  whisker.style.bottom = `${(step.to === 0 ? a : b) - half}%`; // where the other parts end
  whisker.style.height = `${2 * half}%`;
}
