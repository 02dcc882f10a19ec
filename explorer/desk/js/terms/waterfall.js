// The waterfall: −ELBO, and how its parts bring it down to zero, one column a part, for this image
// beside the test set's mean. A rate below the top may be negative: its step goes back up.
// The rates have a scale of their own on the right, since a reconstruction dwarfs them. Those of
// dozens of levels are summed by group; one that is chosen takes the place of all, with its levels.
// A column is a button: under the mouse, focused or chosen it lights up the picture it belongs to.

import { MANY_ROWS } from "../bank/groups.js";
import { make, setHidden, setText } from "../dom.js";
import { makeColumn, placeBar } from "./bars.js";
import { columnsOf, rangeOf, shareOf } from "./columns.js";

/** @import { Row } from "../types.js" */
/** @import { BuiltColumn } from "./bars.js" */
/** @import { Column, Parts, Range, Step, Steps } from "./columns.js" */

/** @typedef {"hover" | "focus" | "chosen"} Use */

/**
 * @param {HTMLElement} host
 * @param {(column: Column | null) => void} pick is called with the column in use
 */
export function makeWaterfall(host, pick) {
  /** @type {BuiltColumn[]} */
  let columns = []; // in order
  /** @type {string | null} */
  let built = null;
  /** @type {Parts} */
  let parts = { overall: [], levels: [] };
  const lens = makeLens();
  /** @type {Record<Use, BuiltColumn | null>} */
  const inUse = { hover: null, focus: null, chosen: null };

  function tell() {
    const now = inUse.hover || inUse.focus || inUse.chosen;
    for (const column of columns) column.node.classList.toggle("lit", column === now);
    pick(now);
  }

  /**
   * @param {Use} how
   * @param {BuiltColumn | null} column
   */
  function use(how, column) {
    inUse[how] = column;
    tell();
  }

  /**
   * A level of a group that is chosen once more leaves its group chosen.
   * @param {BuiltColumn} column
   */
  function choose(column) {
    const around = columns.find((one) => one.key === column.within) || null;
    inUse.chosen = inUse.chosen === column ? around : column;
    for (const one of columns) one.node.setAttribute("aria-pressed", String(one === inUse.chosen));
    unfold(columns, inUse.chosen);
    stopAt(column);
    tell();
  }

  /** @param {BuiltColumn} column */
  function stopAt(column) {
    for (const one of columns) one.node.tabIndex = one === column ? 0 : -1;
  }

  /**
   * One stop of the Tab key for all columns; arrows go from one to the next.
   * @param {KeyboardEvent} event
   */
  function travel(event) {
    const shown = columns.filter((column) => !column.node.hidden);
    const at = shown.findIndex((column) => column.node === document.activeElement);
    const to = new Map([["ArrowLeft", at - 1], ["ArrowRight", at + 1], ["Home", 0],
      ["End", shown.length - 1]]).get(event.key);
    if (at < 0 || to === undefined || !shown[to]) return;
    event.preventDefault();
    stopAt(shown[to]);
    shown[to].node.focus();
  }

  /** @param {BuiltColumn} column */
  function listen(column) {
    const { node } = column;
    // A finger leaves as soon as it lifts: what it tapped is chosen instead.
    const byMouse = (/** @type {BuiltColumn | null} */ value) =>
      (/** @type {PointerEvent} */ event) => {
        if (event.pointerType === "mouse") use("hover", value);
      };
    node.addEventListener("pointerenter", byMouse(column));
    node.addEventListener("pointerleave", byMouse(null));
    node.addEventListener("focus", () => {
      if (node.matches(":focus-visible")) use("focus", column);
    });
    node.addEventListener("blur", () => use("focus", null));
    node.addEventListener("click", () => choose(column));
  }

  /**
   * @param {number} depth
   * @param {Row[] | null} rows
   */
  function build(depth, rows) {
    Object.assign(inUse, { hover: null, focus: null, chosen: null });
    parts = columnsOf(depth, rows);
    columns = [...parts.overall, ...parts.levels].map((column, at) => makeColumn(column, at === 0));
    columns.forEach(listen);
    const nodes = columns.map((column) => column.node);
    const first = parts.overall.length;
    const standing = parts.levels.filter((column) => !column.within).length;
    host.replaceChildren(make("div", { class: "overall" }, ...nodes.slice(0, first)));
    if (parts.levels.length) {
      host.append(lens.node, make("div", { class: standing > MANY_ROWS ? "rates many" : "rates" },
        ...nodes.slice(first)));
    }
    tell();
  }

  host.addEventListener("keydown", travel);

  return {
    /**
     * @param {number} depth
     * @param {Row[] | null} rows
     * @param {Steps} image
     * @param {Steps} mean
     * @param {(column: Column, image: Step, mean: Step) => { value: string, mean: string,
     *   title: string }} says what a column tells
     */
    draw(depth, rows, image, mean, says) {
      const names = [depth, ...(rows || []).map((row) => row.name)].join();
      if (names !== built) build(depth, rows);
      built = names;
      const [coarse, fine] = [parts.overall, parts.levels]
        .map((some) => rangeOf(some, [image, mean]));
      columns.forEach((column, at) => {
        const range = at < parts.overall.length ? coarse : fine;
        placeBar(column.bars.image, image[column.key], range);
        placeBar(column.bars.mean, mean[column.key], range);
        const told = says(column, image[column.key], mean[column.key]);
        setText(column.labels.image, told.value);
        setText(column.labels.mean, told.mean);
        column.node.title = told.title;
        column.node.setAttribute("aria-label", told.title);
      });
      if (parts.levels.length) lens.place(coarse, fine, image.rates.to);
      tell();
    },
  };
}

/**
 * Shows the levels of the group that is chosen, itself or by one of them, in place of the others.
 * @param {BuiltColumn[]} columns
 * @param {BuiltColumn | null} chosen
 */
function unfold(columns, chosen) {
  const key = chosen && (chosen.within || chosen.key);
  const open = columns.find((one) => one.within && one.within === key);
  for (const one of columns) {
    if (one.within) setHidden(one.node, !open || one.within !== open.within);
    else if (one.row) setHidden(one.node, Boolean(open) && one.key !== open?.within);
    if (!one.row || one.row.levels.length === 1) continue;
    one.node.setAttribute("aria-expanded", String(one.key === open?.within));
  }
}

/** The strip that leads from the rates in the left scale to the same rates in the right one. */
function makeLens() {
  const shape = make("i", {});
  const zoom = make("small", {});
  return {
    node: make("div", { class: "lens", title: "The rates again, enlarged" }, shape, zoom),
    /**
     * @param {Range} coarse
     * @param {Range} fine
     * @param {number} sum of the rates
     */
    place(coarse, fine, sum) {
      const y = (/** @type {Range} */ range, /** @type {number} */ value) =>
        `${100 - shareOf(range, value)}%`;
      shape.style.clipPath = `polygon(0 ${y(coarse, sum)}, 100% ${y(fine, sum)}, `
        + `100% ${y(fine, 0)}, 0 ${y(coarse, 0)})`;
      const times = coarse.span / fine.span;
      const shown = times < 10 ? times.toFixed(1) : Math.round(times).toLocaleString("en-GB");
      setText(zoom, `× ${shown}`);
    },
  };
}
