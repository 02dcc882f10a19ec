import assert from "node:assert/strict";
import { test } from "node:test";

import { makeLine } from "../../../../../explorer/desk/js/live/line.js";

/** A picture that is decoded when it is told to be. */
function decoding() {
  /** @type {(picture: string) => void} */
  let done = () => {};
  /** @type {Promise<string>} */
  const picture = new Promise((resolve) => { done = resolve; });
  return { picture, done };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test("what needs no decoding is done at once, while nothing waits", () => {
  /** @type {string[]} */
  const done = [];
  const inOrder = makeLine();
  inOrder("a", (picture) => done.push(picture));
  assert.deepEqual(done, ["a"]);
});

test("nothing overtakes a picture that is still being decoded", async () => {
  /** @type {string[]} */
  const done = [];
  const inOrder = makeLine();
  const slow = decoding();
  inOrder(slow.picture, (picture) => done.push(picture));
  inOrder("exact", (picture) => done.push(picture));
  await turn();
  assert.equal(done.length, 0);
  slow.done("compressed");
  await turn();
  assert.deepEqual(done, ["compressed", "exact"]);
  inOrder("next", (picture) => done.push(picture));
  assert.equal(done.length, 3); // the line is empty again, so this one did not wait
});

test("a picture that cannot be decoded holds nothing up, and is told", async (context) => {
  const told = context.mock.method(console, "error", () => {});
  /** @type {string[]} */
  const done = [];
  const inOrder = makeLine();
  inOrder(Promise.reject(new Error("damaged")), () => done.push("never"));
  inOrder("after", (picture) => done.push(picture));
  await turn();
  assert.deepEqual(done, ["after"]);
  assert.equal(told.mock.callCount(), 1);
});
