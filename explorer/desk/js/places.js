// Opening places, one after another: whatever begins after a work makes it stale.

import { openPlace } from "./recipe/travel.js";

/** @import { Call } from "./live/transport.js" */
/** @import { Uploads } from "./recipe/storage.js" */
/** @import { Enter } from "./recipe/travel.js" */
/** @import { Opened } from "./types.js" */
/** @typedef {ReturnType<typeof makePlaces>} Places */

/**
 * @param {Call} call
 * @param {Uploads} uploads
 * @param {object} actions
 * @param {(answer: Opened) => void} actions.show
 * @param {() => void} actions.changed whether anything is under way may have changed
 */
export function makePlaces(call, uploads, { show, changed }) {
  let works = 0; // under way
  let ticket = 0;

  /** Work on another place. */
  function begin() {
    ticket += 1;
    const mine = ticket;
    return { isStale: () => mine !== ticket, end: busy() };
  }

  /** Something is under way until the function that this gives is called. */
  function busy() {
    works += 1;
    changed();
    return () => {
      works -= 1;
      changed();
    };
  }

  /** @type {Enter} */
  async function enter(target, kept) {
    const mine = begin();
    try {
      const answer = await openPlace(call, uploads, target);
      if (mine.isStale()) return null;
      kept(answer, target);
      show(answer);
      return answer;
    } finally {
      mine.end();
    }
  }

  return { begin, busy, enter, isBusy: () => works > 0 };
}
