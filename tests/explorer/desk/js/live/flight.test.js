import assert from "node:assert/strict";
import { test } from "node:test";

import { makeFlight } from "../../../../../explorer/desk/js/live/flight.js";

/**
 * A flight with a clock of its own, on which each request takes so long.
 * @param {import("node:test").TestContext} context
 */
function flying(context) {
  let now = 1000;
  context.mock.method(performance, "now", () => now);
  const flight = makeFlight();
  let seq = 0;
  const trip = (/** @type {number} */ ms, server = 0) => {
    seq += 1;
    flight.sent({ seq, at: now });
    now += ms;
    return flight.answered(seq, server);
  };
  return { flight, trip };
}

test("on this machine one request flies at a time", (context) => {
  const { flight, trip } = flying(context);
  trip(4);
  assert.equal(flight.free(), true);
  flight.sent({ seq: 90, at: 0 });
  assert.equal(flight.free(), false);
  assert.equal(flight.isFar(), false);
});

test("over 60 ms four fly, and twelve at most however far it is", (context) => {
  const { flight, trip } = flying(context);
  const room = () => {
    let count = 0;
    for (; flight.free(); count += 1) flight.sent({ seq: 100 + count, at: 0 });
    flight.clear();
    return count;
  };
  trip(60);
  assert.equal(flight.isFar(), true);
  assert.equal(room(), 4);
  for (let at = 0; at < 500; at += 1) trip(5000);
  assert.equal(room(), 12);
});

test("the server's own time is no way, and a queue makes no room", (context) => {
  const { flight, trip } = flying(context);
  trip(50, 47);
  assert.equal(flight.tripMs(), 3);
  trip(203);
  assert.equal(flight.tripMs(), 3 + 0.02 * 200); // it drifts up slowly,
  trip(2);
  assert.equal(flight.tripMs(), 2); // and down at once
});

test("an answer answers all before it, one that nobody knows none after it", (context) => {
  const { flight } = flying(context);
  for (const seq of [1, 2, 3]) flight.sent({ seq, at: seq });
  assert.equal(flight.answered(2, 0)?.at, 2);
  assert.equal(flight.count(), 1);
  assert.equal(flight.answered(2, 0), null);
  assert.equal(flight.count(), 1);
  assert.equal(flight.answered(3, null)?.at, 3); // an error tells no time
  assert.equal(flight.count(), 0);
});
