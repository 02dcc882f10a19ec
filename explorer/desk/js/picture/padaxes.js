// Which axes a drag on the picture moves: one sideways, another up and down.

import { sigmaText, weightOf } from "../bank/axis.js";
import { axesOf, fixedKindsOf, kindName } from "../bank/kinds.js";
import { find, make, setText } from "../dom.js";
import { nameOf } from "../words.js";

/** @import { AxisId, HuedLevel, Kind } from "../types.js" */

/**
 * An axis that can be chosen.
 * @typedef {AxisId & { label: string, key: string, text: string, hue: number }} PadAxis
 */

/**
 * One way to drag, with the axis that it moves and how far that is moved.
 * @typedef {object} Way
 * @property {string} words what the way is called
 * @property {HTMLSelectElement} select
 * @property {HTMLElement} row the line that holds the select
 * @property {HTMLElement} value
 * @property {HTMLElement} says what is said of it above the picture
 * @property {PadAxis | null} axis
 * @property {number} sigma
 */

/**
 * @param {HTMLElement} root
 * @returns {Way[]} sideways, then up and down
 */
export function findWays(root) {
  return [["x", "sideways"], ["y", "up and down"]].map(([way, words]) => {
    const select = find(root, `[data-pad-axis="${way}"]`, HTMLSelectElement);
    const row = select.parentElement;
    if (!row) throw new Error("the axes of the pad have no line");
    return {
      words, select, row,
      value: find(root, `[data-pad-value="${way}"]`, HTMLElement),
      says: find(root, `[data-pad-says="${way}"]`, HTMLElement),
      axis: null, sigma: 0,
    };
  });
}

/**
 * The axes to choose among, for two ways that never move the same one.
 * @param {Way[]} ways
 */
export function makeChoices(ways) {
  /** @type {Map<string, PadAxis>} */
  const axes = new Map();

  /**
   * @param {Way} way
   * @param {string | undefined} key
   */
  function choose(way, key) {
    way.axis = (key && axes.get(key)) || null;
    way.select.value = way.axis ? way.axis.key : "";
  }

  /**
   * @param {HuedLevel} level
   * @param {Kind} kind
   */
  function groupOf(level, kind) {
    const { t, hue } = level;
    const name = nameOf(t);
    const options = axesOf(level, kind).map((axis) => {
      const key = `${t}:${kind}:${axis.index}`;
      const text = `${name} · ${axis.label} · ${weightOf(axis)}`;
      axes.set(key, { level: t, kind, index: axis.index, label: axis.label, key, text, hue });
      return make("option", { value: key }, text);
    });
    return make("optgroup", { label: `${name} ${kindName(level, kind).toLowerCase()}` },
      ...options);
  }

  /**
   * The top level sideways and the next one up and down; a single level gives both.
   * @param {HuedLevel[]} levels
   */
  function defaults(levels) {
    const keys = [...axes.keys()];
    const firsts = levels.flatMap((level) =>
      keys.find((key) => key.startsWith(`${level.t}:`)) ?? []);
    const [first] = firsts;
    return [first, firsts[1] || keys.find((key) => key !== first)];
  }

  return {
    /**
     * The axes of these levels are to be chosen among, and those in use beside them.
     * @param {HuedLevel[]} levels
     * @returns {boolean} whether there are any
     */
    offer(levels) {
      axes.clear();
      const groups = levels.flatMap((level) =>
        fixedKindsOf(level).map((kind) => groupOf(level, kind)));
      const aside = ways.flatMap(({ axis }) => (axis && !axes.has(axis.key) ? [axis] : []));
      for (const axis of aside) axes.set(axis.key, axis);
      if (aside.length) {
        groups.push(make("optgroup", { label: "in use" },
          ...aside.map((axis) => make("option", { value: axis.key }, axis.text))));
      }
      const isFree = (/** @type {string | undefined} */ key) =>
        key !== undefined && !ways.some(({ axis }) => axis?.key === key);
      for (const way of ways) {
        way.select.replaceChildren(...groups.map((node) => node.cloneNode(true)));
        choose(way, way.axis ? way.axis.key : defaults(levels).find(isFree));
        way.row.hidden = !way.axis;
        way.says.hidden = !way.axis;
      }
      return axes.size > 0;
    },
    /**
     * Takes what was chosen for a way. An axis cannot go both ways: the other one takes what this
     * one had.
     * @param {Way} way
     */
    take(way) {
      for (const other of ways) {
        if (other !== way && other.axis?.key === way.select.value) choose(other, way.axis?.key);
      }
      choose(way, way.select.value);
    },
  };
}

/**
 * What a drag does, for whoever does not see it.
 * @param {Way[]} ways
 */
export function wordsOf(ways) {
  const moves = ways.flatMap(({ axis, words }) =>
    (axis ? `${words} moves ${nameOf(axis.level)} ${axis.label}` : []));
  return moves.length ? ". Drag on it or use the arrow keys: "
    + `${moves.join(", ")}. 0 puts them back.` : "";
}

/**
 * What is shown of a way: its colour, its value, and whether its level is shadowed.
 * @param {Way} way
 * @param {string} reason why its level can do nothing
 */
export function drawWay({ axis, sigma, row, value, says }, reason) {
  if (!axis) return;
  const text = sigmaText(sigma);
  setText(value, text);
  setText(find(says, "i", HTMLElement), `${nameOf(axis.level)} ${axis.label}`);
  setText(find(says, "b", HTMLElement), text);
  row.style.setProperty("--hue", String(axis.hue));
  says.style.setProperty("--hue", String(axis.hue));
  row.classList.toggle("moved", sigma !== 0);
  row.classList.toggle("shadowed", Boolean(reason));
  row.title = reason;
}
