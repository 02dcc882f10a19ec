import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { withEdit } from "../../../../../explorer/desk/js/recipe/edits.js";
import { NO_BRUSH } from "../../../../../explorer/desk/js/recipe/regions.js";
import { makeState } from "../../../../../explorer/desk/js/recipe/state.js";
import { storeSteps, storedPlace, storedSteps }
  from "../../../../../explorer/desk/js/recipe/storage.js";
import { DOT, LEFT, edit, zero } from "../samples.js";

/** @import { Place } from "../../../../../explorer/desk/js/types.js" */

/** What a tab keeps, as the browser's own does it. */
class Storage {
  /** @type {Map<string, string>} */
  kept = new Map();
  room = Infinity;

  /** @param {string} key */
  getItem(key) {
    return this.kept.get(key) ?? null;
  }

  /** @param {string} key @param {string} text */
  setItem(key, text) {
    if (text.length > this.room) throw new Error("full");
    this.kept.set(key, text);
  }

  /** @param {string} key */
  removeItem(key) {
    this.kept.delete(key);
  }
}

let storage = new Storage();

beforeEach(() => {
  storage = new Storage();
  Object.defineProperty(globalThis, "sessionStorage", { value: storage, configurable: true });
});

/**
 * @param {number} sigma
 * @returns {Place}
 */
function place(sigma) {
  return { model: "a", ref: { kind: "example", index: 0 },
    recipe: withEdit(zero(), edit({ sigma })), brush: NO_BRUSH };
}

/** A state at a place, with what changes its one slider. */
function begun() {
  const state = makeState();
  state.adopt(place(0));
  const slide = (/** @type {number} */ sigma, /** @type {string | null} */ key = "a",
    merge = false) => state.change(withEdit(state.here().recipe, edit({ sigma })), NO_BRUSH, key,
    merge);
  const sigma = () => state.here().recipe.edits[0]?.sigma ?? 0;
  return { state, slide, sigma };
}

test("a drag is one step of undo, and redo leads on again", () => {
  const { state, slide, sigma } = begun();
  for (const to of [0.5, 1, 2]) slide(to);
  state.release();
  slide(3);
  state.release();
  state.undo();
  assert.equal(sigma(), 2);
  state.undo();
  assert.equal(sigma(), 0);
  assert.equal(state.canUndo(), false);
  state.redo();
  state.redo();
  assert.equal(sigma(), 3);
  assert.equal(state.canRedo(), false);
});

test("keys held down are one step, two drags of a slider are two", () => {
  const { state, slide, sigma } = begun();
  for (const to of [0.05, 0.1, 0.15]) {
    slide(to, "a", true);
    state.release();
  }
  state.undo();
  assert.equal(sigma(), 0);
});

test("another slider in the same drag is another step", () => {
  const { state, slide, sigma } = begun();
  slide(1, "a");
  slide(2, "b");
  state.undo();
  assert.equal(sigma(), 1);
});

test("a drag that ends where it began leaves no step", () => {
  const { state, slide } = begun();
  slide(1);
  slide(0);
  state.release();
  assert.equal(state.canUndo(), false);
});

test("a change after undo ends what could be redone", () => {
  const { state, slide } = begun();
  slide(1);
  state.release();
  state.undo();
  slide(2);
  assert.equal(state.canRedo(), false);
});

test("a step that is not worth keeping cannot be redone", () => {
  const { state, slide, sigma } = begun();
  slide(1);
  state.discard();
  assert.equal(sigma(), 0);
  assert.equal(state.canRedo(), false);
  assert.throws(() => state.undo(), /no such step/);
});

test("the oldest of very many steps are forgotten", () => {
  const { state, slide } = begun();
  for (let at = 1; at <= 400; at += 1) {
    slide(at / 200, null);
    state.release();
  }
  let steps = 0;
  for (; state.canUndo(); steps += 1) state.undo();
  assert.equal(steps, 300);
});

test("a region that is used comes into the brush by itself", () => {
  const { state } = begun();
  state.change(withEdit(zero(), edit({ region: DOT })), NO_BRUSH, null, false);
  assert.deepEqual(state.here().brush, { regions: [DOT], active: -1 });
});

test("a page that goes comes back with its place and its steps", () => {
  const { state, slide } = begun();
  slide(1);
  state.release();
  slide(2);
  state.release();
  state.undo();
  state.leave();
  assert.deepEqual(storedPlace(), state.here());
  const again = makeState();
  assert.equal(again.isOpen(), false);
  assert.ok(again.canUndo() && again.canRedo());
  again.adopt(storedPlace() ?? place(9));
  assert.equal(again.redo().recipe.edits[0].sigma, 2);
});

test("what is stored is what the server would read, and no edit is lost on the way", () => {
  const { state } = begun();
  state.change([edit({ region: LEFT }), edit({ level: 2 })].reduce(withEdit, zero()), NO_BRUSH,
    null, false);
  state.leave();
  const stored = JSON.parse(storage.getItem("strata:desk:place") ?? "");
  assert.deepEqual(stored.recipe.edits, [[1, "component", 0, 1, 0], [2, "component", 0, 1]]);
  assert.deepEqual(storedPlace()?.recipe, state.here().recipe);
});

test("where there is no room the latest steps stay, and damage is no error", () => {
  const { state } = begun();
  state.leave();
  const many = Array.from({ length: 5000 }, (_, at) => place(at / 2000 + 0.001));
  storeSteps(many, []);
  const { past } = storedSteps();
  assert.ok(past.length > 100 && past.length < many.length);
  assert.deepEqual(past[past.length - 1], many[many.length - 1]);
  storage.room = 10;
  storeSteps(many, []);
  assert.deepEqual(storedSteps(), { past: [], future: [] });
  storage.room = Infinity;
  storage.setItem("strata:desk:place", "{not JSON");
  assert.equal(storedPlace(), null);
  storage.setItem("strata:desk:place", '{"model": "a", "ref": {}, "recipe": {"edits": 3}}');
  assert.equal(storedPlace(), null);
});
