// Recipes and their edits, as values: never changed, only replaced. An edit is
// [level, kind, index, sigma] or, under a region, [level, kind, index, sigma, n], which means the
// n-th of the recipe's regions; a recipe is kept in the server's canonical form (recipe.py).

import { sameItems } from "../tools.js";
import { activeRegion, compareNested, regionAt } from "./regions.js";

export const WHOLE = -1; // the place of an edit that has no region

export function placeOfEdit(edit) {
  return edit.length > 4 ? edit[4] : WHOLE;
}

export function editOf(recipe, level, kind, index, place) {
  const found = recipe.edits.find((e) =>
    e[0] === level && e[1] === kind && e[2] === index && placeOfEdit(e) === place);
  return found ? found[3] : 0;
}

// Edits sorted and without zeros, regions sorted, each once and none unused. An edit that stays
// as it was stays the same value.
export function canonicalRecipe(recipe) {
  const kept = recipe.edits.filter((edit) => edit[3] !== 0);
  const given = recipe.regions || [];
  const used = given.filter((region, at) => kept.some((edit) => placeOfEdit(edit) === at));
  const regions = used.sort(compareNested)
    .filter((region, at) => at === 0 || compareNested(region, used[at - 1]) !== 0);
  const edits = kept.map((edit) => {
    if (edit.length < 5) return edit;
    const at = regionAt(regions, given[edit[4]]);
    return at === edit[4] ? edit : [...edit.slice(0, 4), at];
  });
  const order = (a, b) => a[0] - b[0] || (a[1] < b[1] ? -1 : a[1] > b[1] ? 1 : a[2] - b[2])
    || placeOfEdit(a) - placeOfEdit(b);
  return { ...recipe, edits: edits.sort(order), regions };
}

// A recipe with one axis moved, over the whole picture (region null) or under a region.
export function withEdit(recipe, level, kind, index, sigma, region) {
  const known = region ? regionAt(recipe.regions, region) : WHOLE;
  const place = region && known < 0 ? recipe.regions.length : known;
  const regions = region && known < 0 ? [...recipe.regions, region] : recipe.regions;
  const others = recipe.edits.filter((e) =>
    e[0] !== level || e[1] !== kind || e[2] !== index || placeOfEdit(e) !== place);
  const edit = [level, kind, index, sigma, ...(region ? [place] : [])];
  return canonicalRecipe({ ...recipe, regions, edits: [...others, edit] });
}

// A recipe whose edits under one region are under another, or gone if that is null.
export function withRegion(recipe, from, to) {
  const at = regionAt(recipe.regions, from);
  const other = to ? regionAt(recipe.regions, to) : -1;
  if (at < 0 || other === at) return recipe;
  const mine = (edit) => placeOfEdit(edit) === at;
  if (!to) return canonicalRecipe({ ...recipe, edits: recipe.edits.filter((e) => !mine(e)) });
  // Where the other region has the same axis moved already, that one stays.
  const twice = (edit) => mine(edit)
    && recipe.edits.some((e) => placeOfEdit(e) === other && sameItems(e.slice(0, 3),
      edit.slice(0, 3)));
  const edits = other < 0 ? recipe.edits : recipe.edits.filter((edit) => !twice(edit));
  const regions = recipe.regions.map((region, n) => (n === at ? to : region));
  return canonicalRecipe({ ...recipe, regions, edits });
}

// A recipe whose policies at some levels are what `next` makes of those that they have.
export function withPolicies(recipe, levels, next) {
  const policies = recipe.policies.map((policy, at) =>
    (levels.includes(at + 1) ? next(policy) : policy));
  return { ...recipe, policies };
}

export function withoutLevels(recipe, levels) {
  const edits = recipe.edits.filter((edit) => !levels.includes(edit[0]));
  return withPolicies(canonicalRecipe({ ...recipe, edits }), levels, () => ["keep", 0, 1]);
}

export function zeroOf(recipe) {
  const policies = recipe.policies.map(() => ["keep", 0, 1]);
  return { ...recipe, edits: [], regions: [], policies, temperature: 1, encode_seed: null };
}

// A recipe as this page writes it, of one that an older Strata wrote.
export function upgraded(recipe) {
  return recipe.version === 1 ? { ...recipe, version: 2, regions: [] } : recipe;
}

export function sameRecipe(a, b) {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}

export function differs(recipe) {
  return !sameRecipe(JSON.parse(JSON.stringify(zeroOf(recipe))), recipe);
}

export function levelDiffers(recipe, level) {
  const policy = recipe.policies[level - 1];
  return recipe.edits.some((edit) => edit[0] === level)
    || policy[0] !== "keep" || policy[1] !== 0 || policy[2] !== 1;
}

// The number of things changed, as a person counts them.
export function countChanges(recipe) {
  return recipe.edits.length + recipe.policies.filter((p) => p[0] !== "keep").length;
}

// A recipe and a brush after the active region has become another one, or none if that is null.
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
