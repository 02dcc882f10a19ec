// The live path. What is wanted is one recipe, the newest; what is shown is never older than
// what was shown before. Over the socket a frame comes first and the ladder once the hand rests;
// where there is no socket the server functions do the same, one at a time.
// `hooks` are {frame(picture), rung(level, picture), shadowed(reasons), failed(error, recipe),
// changed(), slow(words), lost()}.

import { later } from "../tools.js";
import { makeFlight } from "./flight.js";
import { makeMeter } from "./hud.js";
import { fromJson } from "./packets.js";
import { makeSocket } from "./socket.js";
import { DeskError } from "./transport.js";

const QUIET_MS = 60;
export const RETRY_MS = 1200;
const SLOW_AFTER_MS = 2500;
const SLOW_WORDS = "no WebSocket: slower";
const LOST_WORDS = "connecting again …";

export function makeLive(root, transport, hooks) {
  const flight = makeFlight();
  const meter = makeMeter();
  let last = 0; // the number of the newest request
  let wanted = null; // {seq, recipe, at, sent}
  let floor = 0; // frames up to here belong to another place
  let shown = 0; // the frame on the screen
  let exact = true; // whether it is what the model drew, bit for bit
  let done = 0; // the ladder on the screen
  let calling = false;
  let timer = 0;
  let decoding = 0; // messages that wait for a picture to be decoded, theirs or one before
  let line = Promise.resolve();

  const socket = makeSocket(root, transport, {
    opened() {
      slow.drop();
      hooks.slow(null);
      flight.clear();
      begin();
    },
    packet: heardPacket,
    text: heardText,
    closed() {
      hooks.lost();
      flight.clear();
      slow.ask();
      begin();
    },
  });
  const slow = later(SLOW_AFTER_MS, () => {
    hooks.slow(socket.unreachable() ? LOST_WORDS : SLOW_WORDS);
    if (socket.unreachable()) slow.ask();
  });
  slow.ask();

  const complete = () => wanted !== null && shown === wanted.seq && done === wanted.seq;

  // Ask (again) for what is wanted, whichever way is open now.
  function begin() {
    if (wanted && !complete()) wanted.sent = false;
    pump();
  }

  function pump() {
    if (!wanted || wanted.sent) return;
    if (!socket.ready()) {
      callServer();
      return;
    }
    if (!flight.free()) return;
    wanted.sent = true;
    const { seq, recipe, at } = wanted;
    const drawn = shown === seq;
    socket.send({ seq, recipe, lossy: flight.far(), drawn });
    if (!drawn) flight.leave({ seq, at }); // a ladder is no frame, so nothing waits for it
  }

  function want(recipe, drawn) {
    clearTimeout(timer);
    last += 1;
    wanted = { seq: last, recipe, at: performance.now(), sent: false };
    if (drawn) {
      shown = last;
      exact = true;
    }
    pump();
    hooks.changed();
  }

  // ---- answers ----

  function paint(seq, picture, isExact) {
    if (seq <= floor || seq < shown) return false;
    shown = seq;
    exact = isExact;
    hooks.frame(picture);
    return true;
  }

  // Some pictures are decoded at once and some are not. Messages are dealt with in the order they
  // came, or a compressed frame could come late and stay in place of the exact one.
  function inOrder(picture, work) {
    if (!decoding && !(picture instanceof Promise)) {
      work(picture);
      return;
    }
    decoding += 1;
    line = line.then(() => picture).then(work).catch((problem) => console.error(problem))
      .then(() => { decoding -= 1; });
  }

  function heardPacket(packet) {
    const request = packet.kind === "frame" ? flight.land(packet.seq, packet.serverMs) : null;
    pump();
    inOrder(packet.picture, (picture) => showPacket(packet, picture, request));
  }

  function showPacket(packet, picture, request) {
    if (packet.kind === "frame") {
      if (paint(packet.seq, picture, packet.exact)) meter.painted(request, packet);
    } else if (packet.seq === wanted.seq) {
      hooks.rung(packet.level, picture);
      // The last rung is the picture itself, exact even where the frame was compressed.
      if (packet.level === 1 && !exact) paint(packet.seq, picture, true);
    }
    hooks.changed();
  }

  function heardText(message) {
    if (message.error) flight.land(message.seq, null);
    inOrder(null, () => showText(message));
  }

  function showText(message) {
    if (message.seq === wanted.seq) {
      const recipe = shown === wanted.seq ? null : wanted.recipe;
      done = message.seq;
      if (message.error) {
        shown = message.seq; // there is nothing more to come for it
        hooks.failed(new DeskError(message.error, message.code), recipe);
      } else hooks.shadowed(message.shadowed);
    }
    pump();
    hooks.changed();
  }

  // ---- without a socket ----

  async function callServer() {
    if (calling) return;
    calling = true;
    const job = wanted;
    let pause = QUIET_MS; // between a frame and its ladder
    try {
      if (shown !== job.seq) await callFrame(job);
      else await callDetails(job);
      socket.hurry();
    } catch (error) {
      pause = RETRY_MS;
      callFailed(error, job);
    }
    calling = false;
    clearTimeout(timer);
    if (!complete() && !wanted.sent && !socket.ready()) {
      timer = setTimeout(pump, wanted === job ? pause : 0);
    }
    hooks.changed();
  }

  async function callFrame(job) {
    const answer = await transport.call("render", { seq: job.seq, recipe: job.recipe });
    const packet = { decodeMs: answer.decode_ms, depth: 0 };
    if (paint(job.seq, fromJson(answer.frame), true)) meter.painted(job, packet);
  }

  async function callDetails(job) {
    const answer = await transport.call("details", { seq: job.seq, recipe: job.recipe });
    if (job !== wanted) return;
    for (const { t, frame } of answer.ladder) hooks.rung(t, fromJson(frame));
    hooks.shadowed(answer.shadowed);
    done = job.seq;
  }

  function callFailed(error, job) {
    if (job !== wanted) return;
    const alone = shown === job.seq; // the ladder, whose picture is there already
    if (error.code === "network") {
      if (!alone) hooks.failed(error, job.recipe);
      return;
    }
    shown = job.seq;
    done = job.seq;
    hooks.failed(error, alone ? null : job.recipe);
  }

  return {
    // Ask for the picture of a recipe.
    show: (recipe) => want(recipe, false),
    // Another place: what is still on its way from the one before is not painted any more.
    leave() {
      floor = last;
    },
    // The picture of this recipe is already on the screen: ask for the rest only.
    adopt: (recipe) => want(recipe, true),
    settled: complete,
    stats: () => ({
      ...meter.read(),
      device: socket.device(),
      path: socket.ready() ? "WebSocket" : "server functions",
      tripMs: flight.tripMs(),
      inFlight: flight.count(),
    }),
  };
}
