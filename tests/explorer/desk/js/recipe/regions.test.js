import assert from "node:assert/strict";
import { test } from "node:test";

import { maskOf } from "../../../../../explorer/desk/js/recipe/masks.js";
import { NO_BRUSH, PRESETS, brushFor, canonicalRegion, compareRegions, regionsOf, sameRegion }
  from "../../../../../explorer/desk/js/recipe/regions.js";
import { DOT, LEFT, edit } from "../samples.js";

test("shapes that commute are sorted, each once; an eraser stays where it was", () => {
  assert.deepEqual(canonicalRegion([[9, 9, 4], [1, 2, 4], [9, 9, 4]]), [[1, 2, 4], [9, 9, 4]]);
  assert.deepEqual(canonicalRegion([[9, 9, 4], [5, 5, -4], [1, 2, 4]]),
    [[9, 9, 4], [5, 5, -4], [1, 2, 4]]);
  assert.deepEqual(canonicalRegion([[5, 5, -4], [1, 2, 4]]), [[1, 2, 4]]); // nothing to erase yet
  assert.equal(canonicalRegion([[5, 5, -4]]), null);
  assert.equal(canonicalRegion([]), null);
});

test("regions are ordered as tuples of tuples are: the shorter of two alike first", () => {
  assert.ok(compareRegions([[1, 2, 3]], [[1, 2, 3], [0, 0, 1]]) < 0);
  assert.ok(compareRegions([[1, 2, 3]], [[1, 2, 3, 4]]) < 0);
  assert.ok(compareRegions([[2, 0, 0]], [[1, 9, 9], [9, 9, 9]]) > 0);
  assert.ok(compareRegions([[10, 0, 1]], [[9, 0, 1]]) > 0); // as numbers, not as text
  assert.ok(sameRegion(null, null) && !sameRegion(null, DOT) && !sameRegion(DOT, LEFT));
  assert.ok(sameRegion([[40, 50, 8]], DOT));
});

test("the regions of edits are each once and sorted", () => {
  const edits = [edit({ region: DOT }), edit(), edit({ index: 1, region: [[40, 50, 8]] }),
    edit({ region: LEFT })];
  assert.deepEqual(regionsOf(edits), [LEFT, DOT]);
});

test("a brush follows the edits, and keeps the active region though nothing moved yet", () => {
  assert.equal(brushFor([edit()], NO_BRUSH), NO_BRUSH);
  const painted = { regions: [LEFT, DOT], active: 1 };
  assert.deepEqual(brushFor([], painted), { regions: [DOT], active: 0 });
  assert.deepEqual(brushFor([edit({ region: LEFT })], NO_BRUSH), { regions: [LEFT], active: -1 });
  assert.equal(brushFor([edit({ region: LEFT })], painted), painted);
});

test("a mask covers what its shapes say", () => {
  const half = maskOf([PRESETS["left half"]]);
  assert.equal(half.reduce((all, cover) => all + cover, 0), 128 * 256);
  assert.deepEqual([half[127], half[128]], [1, 0]);
  const dab = maskOf([[100, 60, 20]]);
  assert.deepEqual([dab[60 * 256 + 100], dab[60 * 256 + 160]], [1, 0]);
  const erased = maskOf([[100, 60, 20], [100, 60, -40]]);
  assert.ok(Math.max(...erased) < 0.05);
  assert.equal(maskOf(null).some(Boolean), false);
});
