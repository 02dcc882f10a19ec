// Requests in flight: how many there may be at once, so that the picture moves at the screen's
// own rate however long the way is, and nothing queues up on it. A request goes out every frame
// of the screen, so the window is as many frames as the round trip lasts: one on this machine,
// four with 60 ms between. The round trip is the shortest of late, less the server's own time:
// a queue that we made ourselves must not make room for a longer one.

import { clamp } from "../values.js";

const SCREEN_MS = 1000 / 60;
const MOST_IN_FLIGHT = 12;
const FAR_MS = 25;
const DRIFT = 0.02;

/**
 * A request for a frame.
 * @typedef {object} Request
 * @property {number} seq
 * @property {number} at when the hand moved, in milliseconds
 */

export function makeFlight() {
  /** @type {(Request & { left: number })[]} */
  let flying = [];
  let trip = 0;

  return {
    /** Whether one more may go. */
    free: () => flying.length < clamp(Math.ceil(trip / SCREEN_MS), 1, MOST_IN_FLIGHT),
    /** Whether the way is so long that small pictures are worth compressing. */
    isFar: () => trip > FAR_MS,
    tripMs: () => trip,
    count: () => flying.length,
    /** @param {Request} request */
    sent(request) {
      flying.push({ ...request, left: performance.now() });
    },
    /**
     * An answer to a request answers all before it. Gives the request itself, if it is known.
     * @param {number} seq
     * @param {number | null} serverMs the server's own time; null where it is not told
     * @returns {Request | null}
     */
    answered(seq, serverMs) {
      const request = flying.find((one) => one.seq === seq) || null;
      flying = flying.filter((one) => one.seq > seq);
      if (request && serverMs !== null) {
        const now = Math.max(0, performance.now() - request.left - serverMs);
        trip = trip === 0 || now < trip ? now : trip + DRIFT * (now - trip);
      }
      return request;
    },
    clear() {
      flying = [];
    },
  };
}
