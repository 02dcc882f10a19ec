import assert from "node:assert/strict";
import { test } from "node:test";

import { rowsOf } from "../../../../../explorer/desk/js/bank/groups.js";
import { level } from "../samples.js";

test("a few levels stand alone, each with its name and colour", () => {
  const rows = rowsOf({ levels: [level(3), level(2), level(1)], groups: null });
  assert.deepEqual(rows.map(({ t, name, brief, span, grouped }) => [t, name, brief, span, grouped]),
    [[3, "z₃", "z₃", "z₃", false], [2, "z₂", "z₂", "z₂", false], [1, "z₁", "z₁", "z₁", false]]);
  assert.equal(new Set(rows.map(({ hue }) => hue)).size, 3);
  assert.equal(rows[0].levels[0].hue, rows[0].hue);
});

test("levels of one resolution stand together under the lowest, top first", () => {
  const levels = [level(12, [1, 1]), level(11, [1, 1]), level(10, [4, 2])];
  const rows = rowsOf({ levels, groups: [[12, 11], [10]] });
  assert.deepEqual(rows.map(({ t, name, span }) => [t, name, span]),
    [[11, "1×1", "z₁₁ … z₁₂"], [10, "4×2", "z₁₀"]]);
  assert.deepEqual(rows[0].levels.map(({ t }) => t), [12, 11]);
});

test("of very many resolutions only one side is named where there is little room", () => {
  const levels = Array.from({ length: 8 }, (_, at) => level(8 - at, [at + 1, at + 1]));
  const rows = rowsOf({ levels, groups: levels.map(({ t }) => [t]) });
  assert.deepEqual(rows.map(({ brief }) => brief), ["1", "2", "3", "4", "5", "6", "7", "8"]);
  assert.equal(rows[7].name, "8×8");
});
