import assert from "node:assert/strict";
import { test } from "node:test";

import { columnsOf, rangeOf, shareOf, stepsOf }
  from "../../../../../explorer/desk/js/terms/columns.js";
import { rowsOf } from "../../../../../explorer/desk/js/bank/groups.js";
import { level } from "../samples.js";

const terms = { elbo: -100, reconstruction: -80, rate: [-4, 10, 14] };

test("the steps lead from −ELBO down to zero without a gap", () => {
  const steps = stepsOf(terms, 1, null);
  assert.deepEqual([steps.elbo.from, steps.elbo.to], [0, 100]);
  assert.deepEqual([steps.rest.from, steps.rest.to, steps.rest.value], [100, 20, 80]);
  assert.deepEqual([steps.z3.from, steps.z3.to], [20, 6]);
  assert.deepEqual([steps.z2.from, steps.z2.to], [6, -4]);
  assert.deepEqual([steps.z1.from, steps.z1.to, steps.z1.value], [-4, 0, -4]);
});

test("another unit scales all of it, and what was not measured is null", () => {
  const errors = { elbo: 2, reconstruction: null, rate: [0, null, 4], total_rate: 1,
    group_rate: [] };
  const steps = stepsOf({ ...terms, errors }, 2, null);
  assert.deepEqual([steps.elbo.to, steps.elbo.error, steps.rest.error], [50, 1, null]);
  assert.deepEqual([steps.z1.error, steps.z2.error, steps.z3.error], [0, null, 2]);
});

test("a group is the sum of its levels, which take its place when it is chosen", () => {
  const levels = [level(3, [1, 1]), level(2, [2, 2]), level(1, [2, 2])];
  const rows = rowsOf({ levels, groups: [[3], [2, 1]] });
  const steps = stepsOf(terms, 1, rows);
  assert.deepEqual([steps.group1.value, steps.group1.from, steps.group1.to], [6, 6, 0]);
  const columns = columnsOf(3, rows).levels;
  assert.deepEqual(columns.map(({ key, within }) => [key, within]),
    [["group3", undefined], ["group1", undefined], ["z2", "group1"], ["z1", "group1"]]);
});

test("one level is its own column beside the reconstruction, and needs no second scale", () => {
  const { overall, levels } = columnsOf(1, null);
  assert.deepEqual(overall.map(({ key }) => key), ["elbo", "rest", "z1"]);
  assert.deepEqual(levels, []);
});

test("a scale holds every end of its bars, and zero", () => {
  const { levels } = columnsOf(3, null);
  const range = rangeOf(levels, [stepsOf(terms, 1, null)]);
  for (const value of [20, 6, 0, -4]) {
    assert.ok(shareOf(range, value) >= 0 && shareOf(range, value) < 100, String(value));
  }
});
