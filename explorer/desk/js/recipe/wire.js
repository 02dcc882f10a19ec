// Recipes as they leave the page and come to it: to the server and from it, into the session's
// storage, onto the clipboard. Nowhere else is an edit a list (explorer/recipe/recipe.py).

import { regionAt, regionsOf } from "./regions.js";

/** @import { Edit, Recipe, Region, WireEdit, WireRecipe } from "../types.js" */

const VERSION = 2;

/**
 * A recipe as it is written, of one that an older Strata wrote; of anything else, itself.
 * @template {{ version?: unknown }} T
 * @param {T} wire
 * @returns {T}
 */
export function upgraded(wire) {
  return wire.version === 1 ? { ...wire, version: VERSION, regions: [] } : wire;
}

/**
 * @param {WireRecipe} wire one that the server wrote or has drawn
 * @returns {Recipe}
 */
export function fromWire(wire) {
  const { edits, regions, policies, ...rest } = upgraded(wire);
  return {
    ...rest,
    edits: edits.map(([level, kind, index, sigma, at]) =>
      ({ level, kind, index, sigma, region: at === undefined ? null : regions[at] })),
    policies: policies.map(([kind, seed, rho]) => ({ kind, seed, rho })),
  };
}

/**
 * @param {Recipe} recipe in canonical form
 * @returns {WireRecipe}
 */
export function toWire(recipe) {
  const { edits, policies, ...rest } = recipe;
  const regions = regionsOf(edits);
  return {
    ...rest,
    edits: edits.map((edit) => editToWire(edit, regions)),
    regions,
    policies: policies.map(({ kind, seed, rho }) => [kind, seed, rho]),
  };
}

/**
 * @param {Edit} edit
 * @param {readonly Region[]} regions those of its recipe
 * @returns {WireEdit}
 */
function editToWire({ level, kind, index, sigma, region }, regions) {
  return region ? [level, kind, index, sigma, regionAt(regions, region)]
    : [level, kind, index, sigma];
}

/**
 * Anything with a recipe in it, with the recipe as it leaves the page.
 * @template {{ recipe: Recipe }} T
 * @param {T} holder
 */
export function withWire(holder) {
  return { ...holder, recipe: toWire(holder.recipe) };
}

/**
 * The reverse of `withWire`.
 * @template {{ recipe: WireRecipe }} T
 * @param {T} holder
 */
export function withoutWire(holder) {
  return { ...holder, recipe: fromWire(holder.recipe) };
}
