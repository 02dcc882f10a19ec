// The columns of the waterfall: which there are, and what each stands for and shows.

import { hueOf, nameOf } from "../words.js";

/** @import { Row, Terms } from "../types.js" */

const CROWDED = 12; // levels from which on columns are thin and their numbers are read one by one
const AIR = 1.06; // room above the highest bar, for its whisker

/**
 * A column, the same for every image of a model.
 * @typedef {object} Column
 * @property {string} key
 * @property {string} name
 * @property {string} [short] the name where there is little room
 * @property {"image" | "reconstruction" | "ladder" | number} picture the one it belongs to; a
 *   number is a rung of the ladder
 * @property {number} [level] the subscript of a level's column
 * @property {Row} [row] the row of a group's column
 * @property {number} [hue] in degrees
 * @property {boolean} [first] whether its rung is the ladder's first
 * @property {boolean} [thin]
 * @property {string} [within] the key of the group that a level is in
 * @property {string} [of] what that group is called
 */

/**
 * A number of a column, in the unit that is shown, and the bar that spans two others.
 * @typedef {object} Step
 * @property {number} value
 * @property {number | null} error
 * @property {number} from
 * @property {number} to
 */

/** @typedef {Record<string, Step>} Steps by the key of a column */
/** @typedef {{ low: number, span: number }} Range */
/** @typedef {{ overall: Column[], levels: Column[] }} Parts */

/**
 * @param {number} depth
 * @param {Row[] | null} rows the groups, or null where each level stands alone
 * @returns {Parts}
 */
export function columnsOf(depth, rows) {
  /** @type {Column} */
  const rest = {
    key: "rest", name: "−reconstruction", short: "−recon.", picture: "reconstruction",
  };
  /** @type {Column} */
  const total = { key: "elbo", name: "−ELBO", picture: "image" };
  /** @type {(t: number) => Column} */
  const levelOf = (t) => ({
    key: `z${t}`, name: nameOf(t), level: t, hue: hueOf(t), picture: t, first: t === depth,
    thin: depth > CROWDED,
  });
  if (depth === 1) return { overall: [total, rest, levelOf(1)], levels: [] };
  /** @type {Column} */
  const rates = { key: "rates", name: "All rates", short: "rates", picture: "ladder" };
  const levels = rows ? rows.flatMap(columnsOfRow)
    : Array.from({ length: depth }, (_, at) => levelOf(depth - at));
  return { overall: [total, rest, rates], levels };
}

/**
 * The column of a group and, where it has several, those of its levels.
 * @param {Row} row
 * @param {number} at
 * @returns {Column[]}
 */
function columnsOfRow(row, at) {
  const { t, name, brief, hue, levels } = row;
  const shared = { hue, picture: t, first: at === 0 };
  const whole = { ...shared, key: `group${t}`, name, short: brief, row };
  if (levels.length === 1) return [whole];
  return [whole, ...levels.map((level) => ({
    ...shared, key: `z${level.t}`, name: nameOf(level.t), level: level.t, thin: true,
    within: whole.key, of: name,
  }))];
}

/**
 * The steps of terms.
 * @param {Terms} terms in nats
 * @param {number} per nats in the unit
 * @param {Row[] | null} rows
 * @returns {Steps}
 */
export function stepsOf({ elbo, reconstruction, rate, errors }, per, rows) {
  const sum = rate.reduce((all, one) => all + one, 0);
  /** @type {(value: number, error: number | null | undefined, from: number, to: number) => Step} */
  const step = (value, error, from, to) => ({
    value: value / per, error: error === null || error === undefined ? null : error / per,
    from: from / per, to: to / per,
  });
  /** @type {Steps} */
  const found = {
    elbo: step(-elbo, errors?.elbo, 0, -elbo),
    rest: step(-reconstruction, errors?.reconstruction, -elbo, sum),
    rates: step(sum, errors?.total_rate, 0, sum),
  };
  let left = sum;
  for (let t = rate.length; t >= 1; t -= 1) {
    const one = rate[t - 1];
    found[`z${t}`] = step(one, errors?.rate[t - 1], left, t === 1 ? 0 : left - one);
    left -= one;
  }
  rows?.forEach(({ t, levels }, at) => {
    const value = levels.reduce((all, one) => all + rate[one.t - 1], 0);
    const [{ from }, { to }] = [found[`z${levels[0].t}`], found[`z${t}`]];
    found[`group${t}`] = { ...step(value, errors?.group_rate[at], 0, 0), from, to };
  });
  return found;
}

/**
 * What a scale has to hold: every end of these columns' bars, and zero.
 * @param {Column[]} columns
 * @param {Steps[]} all
 * @returns {Range}
 */
export function rangeOf(columns, all) {
  const ends = all.flatMap((steps) => columns.flatMap(({ key }) => {
    const { from, to } = steps[key];
    return [from, to];
  }));
  const [low, high] = [Math.min(0, ...ends), Math.max(0, ...ends)];
  const span = high - low || 1;
  return { low: low && low - (AIR - 1) * span, span: AIR * span + (low && (AIR - 1) * span) };
}

/**
 * Where a value is on a scale, in percent of its height.
 * @param {Range} range
 * @param {number} value
 */
export const shareOf = (range, value) => (100 * (value - range.low)) / range.span;
