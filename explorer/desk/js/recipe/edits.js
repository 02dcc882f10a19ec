// Recipes and their edits, as values: never changed, only replaced. What stays as it was stays the
// same value, so that whoever draws it sees at once that nothing changed.

import { activeRegion, compareRegions, regionAt, sameRegion } from "./regions.js";

/** @import { AxisId, Brush, Edit, Policy, Recipe, Region } from "../types.js" */

/** @type {Policy} */
export const KEEP = { kind: "keep", seed: 0, rho: 1 };

/**
 * The order of edits in a recipe, that of explorer/recipe/recipe.py: the whole picture before
 * regions.
 * @param {Edit} a
 * @param {Edit} b
 */
function compareEdits(a, b) {
  if (a.level !== b.level) return a.level - b.level;
  if (a.kind !== b.kind) return a.kind < b.kind ? -1 : 1;
  if (a.index !== b.index) return a.index - b.index;
  if (a.region && b.region) return compareRegions(a.region, b.region);
  return Number(a.region !== null) - Number(b.region !== null);
}

/**
 * Whether two edits move the same axis in the same part of the picture.
 * @param {Edit} a
 * @param {Edit} b
 */
const isSamePlace = (a, b) => a.level === b.level && a.kind === b.kind && a.index === b.index
  && sameRegion(a.region, b.region);

/**
 * How far an axis is moved in a part of the picture.
 * @param {Recipe} recipe
 * @param {AxisId} axis
 * @param {Region | null} region
 */
export function sigmaOf(recipe, { level, kind, index }, region) {
  const wanted = { level, kind, index, region, sigma: 0 };
  return recipe.edits.find((edit) => isSamePlace(edit, wanted))?.sigma ?? 0;
}

/**
 * A recipe with other edits, in canonical form: sorted and without zeros.
 * @param {Recipe} recipe
 * @param {readonly Edit[]} edits no two of them in the same place
 * @returns {Recipe}
 */
export function withEdits(recipe, edits) {
  return { ...recipe, edits: edits.filter((edit) => edit.sigma !== 0).sort(compareEdits) };
}

/**
 * A recipe with one axis moved.
 * @param {Recipe} recipe
 * @param {Edit} edit
 */
export function withEdit(recipe, edit) {
  const others = recipe.edits.filter((other) => !isSamePlace(other, edit));
  return withEdits(recipe, [...others, edit]);
}

/**
 * A recipe whose edits under one region are under another, or gone if that is null. Where the other
 * region has the same axis moved already, that one stays.
 * @param {Recipe} recipe
 * @param {Region} from
 * @param {Region | null} to
 */
export function withRegion(recipe, from, to) {
  const isMine = (/** @type {Edit} */ edit) => sameRegion(edit.region, from);
  if (sameRegion(from, to) || !recipe.edits.some(isMine)) return recipe;
  const others = recipe.edits.filter((edit) => !isMine(edit));
  if (!to) return withEdits(recipe, others);
  const moved = recipe.edits.filter(isMine).map((edit) => ({ ...edit, region: to }))
    .filter((edit) => !others.some((other) => isSamePlace(other, edit)));
  return withEdits(recipe, [...others, ...moved]);
}

/**
 * A recipe whose policies at some levels are what `next` makes of those that they have.
 * @param {Recipe} recipe
 * @param {readonly number[]} levels
 * @param {(policy: Policy) => Policy} next
 * @returns {Recipe}
 */
export function withPolicies(recipe, levels, next) {
  const policies = recipe.policies.map((policy, at) =>
    (levels.includes(at + 1) ? next(policy) : policy));
  return { ...recipe, policies };
}

/**
 * A recipe in which nothing is changed at some levels.
 * @param {Recipe} recipe
 * @param {readonly number[]} levels
 */
export function withoutLevels(recipe, levels) {
  const edits = recipe.edits.filter((edit) => !levels.includes(edit.level));
  return withPolicies(withEdits(recipe, edits), levels, () => KEEP);
}

/**
 * The recipe that changes nothing.
 * @param {Recipe} recipe
 * @returns {Recipe}
 */
export function zeroOf(recipe) {
  const policies = recipe.policies.map(() => KEEP);
  return { ...recipe, edits: [], policies, temperature: 1, encode_seed: null };
}

/** @param {Policy} policy */
const isKeep = ({ kind, seed, rho }) => kind === KEEP.kind && seed === KEEP.seed
  && rho === KEEP.rho;

/**
 * Whether a recipe changes anything.
 * @param {Recipe} recipe
 */
export function differs(recipe) {
  return recipe.edits.length > 0 || !recipe.policies.every(isKeep) || recipe.temperature !== 1
    || recipe.encode_seed !== null;
}

/**
 * Whether a recipe changes anything at a level.
 * @param {Recipe} recipe
 * @param {number} level
 */
export function levelDiffers(recipe, level) {
  return recipe.edits.some((edit) => edit.level === level) || !isKeep(recipe.policies[level - 1]);
}

/**
 * The number of things changed, as a person counts them.
 * @param {Recipe} recipe
 */
export function countChanges(recipe) {
  return recipe.edits.length + recipe.policies.filter(({ kind }) => kind !== KEEP.kind).length;
}

/**
 * A recipe and a brush after the active region has become another one, or none if that is null.
 * @param {{ recipe: Recipe, brush: Brush }} place
 * @param {Region | null} region
 * @returns {{ recipe: Recipe, brush: Brush }}
 */
export function repainted({ recipe, brush }, region) {
  const from = activeRegion(brush);
  const others = brush.regions.filter((one) => one !== from);
  const known = region ? regionAt(others, region) : -1;
  const next = from ? withRegion(recipe, from, region) : recipe;
  if (!region) return { recipe: next, brush: { regions: others, active: -1 } };
  if (known >= 0) return { recipe: next, brush: { regions: others, active: known } };
  if (!from) return { recipe, brush: { regions: [...others, region], active: others.length } };
  const regions = brush.regions.map((one) => (one === from ? region : one));
  return { recipe: next, brush: { ...brush, regions } };
}
