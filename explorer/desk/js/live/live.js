// The live path. What is wanted is one recipe, the newest; what is shown is never older than
// what was shown before. Over the socket a frame comes first and the ladder once the hand rests;
// where there is no socket the server functions do the same, one at a time.

import { DeskError, codeOf } from "../errors.js";
import { later } from "../values.js";
import { makeFlight } from "./flight.js";
import { makeMeter } from "./hud.js";
import { makeLine } from "./line.js";
import { fromJson } from "./packets.js";
import { makeSocket } from "./socket.js";

/** @import { LiveHooks, Packet, Picture, Recipe } from "../types.js" */
/** @import { Request } from "./flight.js" */
/** @import { Told } from "./socket.js" */
/** @import { Transport } from "./transport.js" */
/** @typedef {ReturnType<typeof makeLive>} Live */

const QUIET_MS = 60;
export const RETRY_MS = 1200;
const SLOW_AFTER_MS = 2500;
const SLOW_WORDS = "no WebSocket: slower";
const LOST_WORDS = "connecting again …";

/**
 * What is asked for, and whether it is on its way.
 * @typedef {Request & { recipe: Recipe, sent: boolean }} Wanted
 */

/**
 * @param {HTMLElement} root
 * @param {Transport} transport
 * @param {LiveHooks} hooks
 */
export function makeLive(root, transport, hooks) {
  const flight = makeFlight();
  const meter = makeMeter();
  const inOrder = makeLine();
  let last = 0; // the number of the newest request
  /** @type {Wanted | null} */
  let wanted = null;
  let floor = 0; // frames up to here belong to another place
  let shown = 0; // the frame on the screen
  let exact = true; // whether it is what the model drew, bit for bit
  let done = 0; // the ladder on the screen
  let calling = false;
  let timer = 0;

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
    hooks.slow(socket.isUnreachable() ? LOST_WORDS : SLOW_WORDS);
    if (socket.isUnreachable()) slow.ask();
  });
  slow.ask();

  const isComplete = () => wanted !== null && shown === wanted.seq && done === wanted.seq;

  /** Ask (again) for what is wanted, whichever way is open now. */
  function begin() {
    if (wanted && !isComplete()) wanted.sent = false;
    pump();
  }

  function pump() {
    if (!wanted || wanted.sent) return;
    if (!socket.isReady()) {
      callServer(wanted);
      return;
    }
    if (!flight.free()) return;
    wanted.sent = true;
    const { seq, recipe, at } = wanted;
    const drawn = shown === seq;
    socket.send({ seq, recipe, lossy: flight.isFar(), drawn });
    if (!drawn) flight.sent({ seq, at }); // a ladder is no frame, so nothing waits for it
  }

  /**
   * @param {Recipe} recipe
   * @param {boolean} drawn whether its picture is on the screen already
   */
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

  /**
   * @param {number} seq
   * @param {Picture} picture
   * @param {boolean} isExact
   */
  function paint(seq, picture, isExact) {
    if (seq <= floor || seq < shown) return false;
    shown = seq;
    exact = isExact;
    hooks.frame(picture);
    return true;
  }

  /** @param {Packet} packet */
  function heardPacket(packet) {
    const request = packet.kind === "frame" ? flight.answered(packet.seq, packet.serverMs) : null;
    pump();
    inOrder(packet.picture, (picture) => showPacket(packet, picture, request));
  }

  /**
   * @param {Packet} packet
   * @param {Picture} picture
   * @param {Request | null} request
   */
  function showPacket(packet, picture, request) {
    if (packet.kind === "frame") {
      if (paint(packet.seq, picture, packet.exact)) meter.painted(request, packet);
    } else if (packet.seq === wanted?.seq) {
      hooks.rung(packet.level, picture);
      // The last rung is the picture itself, exact even where the frame was compressed.
      if (packet.level === 1 && !exact) paint(packet.seq, picture, true);
    }
    hooks.changed();
  }

  /** @param {Told} message */
  function heardText(message) {
    if (message.error) flight.answered(message.seq, null);
    inOrder(null, () => showText(message));
  }

  /** @param {Told} message */
  function showText({ seq, shadowed = {}, error, code = "" }) {
    if (wanted && seq === wanted.seq) {
      const recipe = shown === seq ? null : wanted.recipe;
      done = seq;
      if (error) {
        shown = seq; // there is nothing more to come for it
        hooks.failed(new DeskError(error, code), recipe);
      } else hooks.shadowed(shadowed);
    }
    pump();
    hooks.changed();
  }

  // ---- without a socket ----

  /** @param {Wanted} job */
  async function callServer(job) {
    if (calling) return;
    calling = true;
    let pause = QUIET_MS; // between a frame and its ladder
    try {
      if (shown !== job.seq) await callFrame(job);
      else await callDetails(job);
      socket.retryNow();
    } catch (error) {
      pause = RETRY_MS;
      callFailed(error, job);
    }
    calling = false;
    clearTimeout(timer);
    if (!isComplete() && !wanted?.sent && !socket.isReady()) {
      timer = setTimeout(pump, wanted === job ? pause : 0);
    }
    hooks.changed();
  }

  /** @param {Wanted} job */
  async function callFrame(job) {
    const answer = await transport.call("render", { seq: job.seq, recipe: job.recipe });
    const packet = { decodeMs: answer.decode_ms, depth: 0 };
    if (paint(job.seq, fromJson(answer.frame), true)) meter.painted(job, packet);
  }

  /** @param {Wanted} job */
  async function callDetails(job) {
    const answer = await transport.call("details", { seq: job.seq, recipe: job.recipe });
    if (job !== wanted) return;
    for (const { t, frame } of answer.ladder) hooks.rung(t, fromJson(frame));
    hooks.shadowed(answer.shadowed);
    done = job.seq;
  }

  /**
   * @param {unknown} error
   * @param {Wanted} job
   */
  function callFailed(error, job) {
    if (job !== wanted) return;
    const alone = shown === job.seq; // the ladder, whose picture is there already
    if (codeOf(error) === "network") {
      if (!alone) hooks.failed(error, job.recipe);
      return;
    }
    shown = job.seq;
    done = job.seq;
    hooks.failed(error, alone ? null : job.recipe);
  }

  return {
    /**
     * Ask for the picture of a recipe.
     * @param {Recipe} recipe
     */
    show: (recipe) => want(recipe, false),
    /** Another place: what is on its way from the one before is not painted any more. */
    leave() {
      floor = last;
    },
    /**
     * The picture of this recipe is already on the screen: ask for the rest only.
     * @param {Recipe} recipe
     */
    adopt: (recipe) => want(recipe, true),
    isSettled: isComplete,
    stats: () => ({
      ...meter.read(),
      device: socket.device(),
      path: socket.isReady() ? "WebSocket" : "server functions",
      tripMs: flight.tripMs(),
      inFlight: flight.count(),
    }),
  };
}
