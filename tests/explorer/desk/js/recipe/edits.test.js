import assert from "node:assert/strict";
import { test } from "node:test";

import { KEEP, countChanges, differs, levelDiffers, repainted, sigmaOf, withEdit, withPolicies,
  withRegion, withoutLevels, zeroOf } from "../../../../../explorer/desk/js/recipe/edits.js";
import { DOT, LEFT, edit, zero } from "../samples.js";

/** @param {...ReturnType<typeof edit>} edits */
const moved = (...edits) => edits.reduce(withEdit, zero());

test("edits are sorted as the server sorts them, whichever came first", () => {
  const wanted = [
    edit({ level: 1, kind: "component", index: 0 }),
    edit({ level: 1, kind: "component", index: 0, region: LEFT }),
    edit({ level: 1, kind: "component", index: 0, region: DOT }),
    edit({ level: 1, kind: "component", index: 2 }),
    edit({ level: 1, kind: "coordinate", index: 0 }),
    edit({ level: 2, kind: "component", index: 0 }),
    edit({ level: 10, kind: "component", index: 0 }),
  ];
  assert.deepEqual(moved(...[...wanted].reverse()).edits, wanted);
});

test("an axis is moved once in each part of the picture", () => {
  const recipe = moved(edit(), edit({ sigma: 2 }), edit({ sigma: -1, region: LEFT }));
  assert.deepEqual(recipe.edits.map(({ sigma }) => sigma), [2, -1]);
  assert.equal(sigmaOf(recipe, edit(), null), 2);
  assert.equal(sigmaOf(recipe, edit(), [[0, 0, 128, 256]]), -1);
  assert.equal(sigmaOf(recipe, edit(), DOT), 0);
  assert.equal(sigmaOf(recipe, edit({ index: 1 }), null), 0);
});

test("back to zero is no edit, and what was before is left as it was", () => {
  const one = moved(edit());
  const two = withEdit(one, edit({ level: 2 }));
  const three = withEdit(two, edit({ level: 2, sigma: 0 }));
  assert.deepEqual(three, one);
  assert.equal(one.edits.length, 1);
  assert.equal(two.edits[0], one.edits[0]); // the very same value, so nothing is drawn again
});

test("a region becomes another one with all that is moved under it", () => {
  const recipe = moved(edit({ region: LEFT }), edit({ level: 2, region: LEFT }), edit());
  const next = withRegion(recipe, LEFT, DOT);
  assert.deepEqual(next.edits.map(({ region }) => region), [null, DOT, DOT]);
  assert.deepEqual(withRegion(next, DOT, null).edits, [edit()]);
});

test("where two regions become one, what the other had stays", () => {
  const recipe = moved(edit({ region: LEFT, sigma: 1 }), edit({ region: DOT, sigma: 2 }));
  assert.deepEqual(withRegion(recipe, LEFT, DOT).edits, [edit({ region: DOT, sigma: 2 })]);
});

test("a region under which nothing is moved leaves the recipe the same value", () => {
  const recipe = moved(edit());
  assert.equal(withRegion(recipe, LEFT, DOT), recipe);
  assert.equal(withRegion(moved(edit({ region: LEFT })), LEFT, LEFT).edits.length, 1);
});

test("only what is asked for counts as a change", () => {
  assert.equal(differs(zero()), false);
  assert.equal(differs(moved(edit())), true);
  assert.equal(differs({ ...zero(), temperature: 0.5 }), true);
  assert.equal(differs({ ...zero(), encode_seed: 0 }), true);
  const mean = withPolicies(zero(), [2], (policy) => ({ ...policy, kind: "mean" }));
  assert.equal(differs(mean), true);
  assert.deepEqual([1, 2, 3].map((t) => levelDiffers(mean, t)), [false, true, false]);
  assert.equal(countChanges(withEdit(mean, edit())), 2);
});

test("a reset takes back all, or all of some levels", () => {
  const recipe = withPolicies(moved(edit(), edit({ level: 2 }), edit({ level: 3 })), [1, 2],
    () => ({ kind: "resample", seed: 7, rho: 1 }));
  const next = withoutLevels(recipe, [2, 3]);
  assert.deepEqual(next.edits, [edit()]);
  assert.deepEqual(next.policies.map(({ kind }) => kind), ["resample", "keep", "keep"]);
  assert.equal(next.policies[1], KEEP);
  assert.deepEqual(zeroOf({ ...recipe, temperature: 2, encode_seed: 3 }), zero());
});

test("painting begins a region, changes the active one, or ends it", () => {
  const none = { recipe: zero(), brush: { regions: [], active: -1 } };
  const begun = repainted(none, DOT);
  assert.deepEqual(begun.brush, { regions: [DOT], active: 0 });
  const under = { ...begun, recipe: withEdit(begun.recipe, edit({ region: DOT })) };
  const grown = repainted(under, LEFT);
  assert.deepEqual(grown.brush, { regions: [LEFT], active: 0 });
  assert.deepEqual(grown.recipe.edits, [edit({ region: LEFT })]);
  const gone = repainted(grown, null);
  assert.deepEqual(gone, none);
});

test("painting what is another region already takes that one", () => {
  const brush = { regions: [LEFT, DOT], active: 0 };
  const recipe = moved(edit({ region: LEFT }));
  const next = repainted({ recipe, brush }, DOT);
  assert.deepEqual(next.brush, { regions: [DOT], active: 0 });
  assert.deepEqual(next.recipe.edits, [edit({ region: DOT })]);
});
