// The speed overlay: what the live path takes, measured in this page while it is used.

import { make, setText } from "../tools.js";

const HUD_EVERY_MS = 250;
const HUD_SPAN_MS = 1000;

// Remembers the frames painted of late. A frame is on the screen with the animation frame after
// it was painted, so that is when its time is taken.
export function makeMeter() {
  let inputMs = null;
  let decodeMs = null;
  let depth = 0;
  let times = [];

  return {
    painted(request, { decodeMs: decode, depth: waiting }) {
      const now = performance.now();
      decodeMs = decode;
      depth = waiting;
      times = times.filter((time) => now - time < HUD_SPAN_MS);
      times.push(now);
      if (!request) return;
      requestAnimationFrame(() => { inputMs = performance.now() - request.at; });
    },
    read() {
      const now = performance.now();
      const updates = times.filter((time) => now - time < HUD_SPAN_MS).length;
      return { inputMs, decodeMs, depth, updatesPerSecond: updates };
    },
  };
}

export function makeHud(root, live) {
  const rows = {
    input: ["input to pixel", "from the last move of a hand to its picture on the screen"],
    decode: ["decode", "the model alone"],
    updates: ["updates", "pictures painted within the last second"],
    device: ["device", "where the model runs"],
    depth: ["queue", "jobs that waited for the device before the last picture"],
    trip: ["round trip", "of the network, and the requests on their way now"],
    path: ["path", "how frames come"],
  };
  const values = {};
  const list = make("dl", {});
  for (const [key, [name, title]] of Object.entries(rows)) {
    values[key] = make("dd", {}, "–");
    list.append(make("dt", { title }, name), values[key]);
  }
  const node = make("aside", { class: "hud", "data-hud": "", "aria-label": "Speed", hidden: true },
    list);
  let timer = 0;
  root.append(node);

  const ms = (value) => (value === null ? "–" : `${value.toFixed(1)} ms`);

  function draw() {
    const stats = live.stats();
    setText(values.input, ms(stats.inputMs));
    setText(values.decode, ms(stats.decodeMs));
    setText(values.updates, `${stats.updatesPerSecond} / s`);
    setText(values.device, stats.device || "–");
    setText(values.depth, String(stats.depth));
    setText(values.trip, `${ms(stats.tripMs)}, ${stats.inFlight} in flight`);
    setText(values.path, stats.path);
  }

  return {
    toggle() {
      node.hidden = !node.hidden;
      clearInterval(timer);
      if (node.hidden) return;
      draw();
      timer = setInterval(draw, HUD_EVERY_MS);
    },
  };
}
