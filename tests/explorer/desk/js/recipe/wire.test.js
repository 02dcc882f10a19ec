import assert from "node:assert/strict";
import { test } from "node:test";

import { fromWire, toWire } from "../../../../../explorer/desk/js/recipe/wire.js";
import { withEdit } from "../../../../../explorer/desk/js/recipe/edits.js";
import { DOT, LEFT, edit, zero } from "../samples.js";

const recipe = [edit({ level: 2, sigma: -1.5 }), edit({ region: DOT }), edit({ region: LEFT })]
  .reduce(withEdit, zero());

test("a recipe is written as the server writes it", () => {
  assert.deepEqual(toWire({ ...recipe, policies: [{ kind: "memory", seed: 5, rho: 0.25 }] }), {
    version: 2, model: "0123456789abcdef", image: "fedcba9876543210",
    edits: [[1, "component", 0, 1, 0], [1, "component", 0, 1, 1], [2, "component", 0, -1.5]],
    regions: [LEFT, DOT], policies: [["memory", 5, 0.25]], temperature: 1, encode_seed: null,
  });
});

test("what was written is read as it was, through JSON too", () => {
  assert.deepEqual(fromWire(toWire(recipe)), recipe);
  assert.deepEqual(fromWire(JSON.parse(JSON.stringify(toWire(recipe)))), recipe);
});

test("a recipe of an older Strata, which knew no regions, is read", () => {
  const wire = { ...toWire(withEdit(zero(), edit())), version: 1 };
  Reflect.deleteProperty(wire, "regions");
  assert.deepEqual(fromWire(wire), withEdit(zero(), edit()));
});
