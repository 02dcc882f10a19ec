// Values that the tests of the page's scripts share.

/** @import { Edit, Level, Recipe, Region } from "../../../../explorer/desk/js/types.js" */

/** @type {Region} */
export const LEFT = [[0, 0, 128, 256]];
/** @type {Region} */
export const DOT = [[40, 50, 8]];

/**
 * A recipe of three levels that changes nothing.
 * @returns {Recipe}
 */
export function zero() {
  const keep = () => /** @type {const} */ ({ kind: "keep", seed: 0, rho: 1 });
  return {
    version: 2, model: "0123456789abcdef", image: "fedcba9876543210", edits: [],
    policies: [keep(), keep(), keep()], temperature: 1, encode_seed: null,
  };
}

/**
 * @param {Partial<Edit>} [parts]
 * @returns {Edit}
 */
export function edit(parts) {
  return { level: 1, kind: "component", index: 0, sigma: 1, region: null, ...parts };
}

/**
 * @param {number} t
 * @param {[number, number] | null} [map]
 * @returns {Level}
 */
export function level(t, map = null) {
  return { t, size: 4, map, dead: 0, fields: false, local: 0, markov: true,
    axes: { coordinate: [], component: [] } };
}
