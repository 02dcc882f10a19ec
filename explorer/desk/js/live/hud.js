// The speed overlay: what the live path takes, measured in this page while it is used.

import { make, setText } from "../dom.js";

/** @import { Live } from "./live.js" */
/** @import { Request } from "./flight.js" */

const EVERY_MS = 250;
const SPAN_MS = 1000;

/** What each line is called, and what it means. */
const LINES = {
  input: ["input to pixel", "from the last move of a hand to its picture on the screen"],
  decode: ["decode", "the model alone"],
  updates: ["updates", "pictures painted within the last second"],
  device: ["device", "where the model runs"],
  depth: ["queue", "jobs that waited for the device before the last picture"],
  trip: ["round trip", "of the network, and the requests on their way now"],
  path: ["path", "how frames come"],
};

/**
 * Remembers the frames painted of late. A frame is on the screen with the animation frame after
 * it was painted, so that is when its time is taken.
 */
export function makeMeter() {
  /** @type {number | null} */
  let inputMs = null;
  /** @type {number | null} */
  let decodeMs = null;
  let depth = 0;
  /** @type {number[]} */
  let times = [];

  return {
    /**
     * @param {Request | null} request the one that the frame answers
     * @param {{ decodeMs: number, depth: number }} packet
     */
    painted(request, packet) {
      const now = performance.now();
      decodeMs = packet.decodeMs;
      depth = packet.depth;
      times = times.filter((time) => now - time < SPAN_MS);
      times.push(now);
      if (!request) return;
      requestAnimationFrame(() => { inputMs = performance.now() - request.at; });
    },
    read() {
      const now = performance.now();
      const updates = times.filter((time) => now - time < SPAN_MS).length;
      return { inputMs, decodeMs, depth, updatesPerSecond: updates };
    },
  };
}

/**
 * @param {HTMLElement} root
 * @param {Live} live
 */
export function makeHud(root, live) {
  /** @type {Map<string, HTMLElement>} */
  const values = new Map();
  const list = make("dl", {});
  for (const [key, [name, title]] of Object.entries(LINES)) {
    const value = make("dd", {}, "–");
    values.set(key, value);
    list.append(make("dt", { title }, name), value);
  }
  const node = make("aside", { class: "hud", "data-hud": "", "aria-label": "Speed", hidden: true },
    list);
  let timer = 0;
  root.append(node);

  const ms = (/** @type {number | null} */ value) =>
    (value === null ? "–" : `${value.toFixed(1)} ms`);

  function draw() {
    const stats = live.stats();
    const now = {
      input: ms(stats.inputMs),
      decode: ms(stats.decodeMs),
      updates: `${stats.updatesPerSecond} / s`,
      device: stats.device || "–",
      depth: String(stats.depth),
      trip: `${ms(stats.tripMs)}, ${stats.inFlight} in flight`,
      path: stats.path,
    };
    for (const [key, text] of Object.entries(now)) {
      const value = values.get(key);
      if (value) setText(value, text);
    }
  }

  return {
    toggle() {
      node.hidden = !node.hidden;
      clearInterval(timer);
      if (node.hidden) return;
      draw();
      timer = setInterval(draw, EVERY_MS);
    },
  };
}
