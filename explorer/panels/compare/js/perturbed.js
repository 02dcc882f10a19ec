// The perturbed pictures: one request a model at a time, then the newest.

import { put } from "./parts.js";

/** @import { makeParts } from "./parts.js" */
/** @import { Requests } from "./requests.js" */

/**
 * @param {ReturnType<typeof makeParts>} parts
 * @param {Requests} requests
 * @param {object} state
 * @param {() => number} state.turn counts the choices
 * @param {(more: number) => void} state.work
 */
export function makePerturbed({ find, part, say }, requests, { turn, work }) {
  const depth = find("[data-depth]", HTMLInputElement);
  const percent = part("percent");
  /** @type {Map<number, { again: boolean }>} */
  const busy = new Map(); // by slot, those that ask right now

  /** @param {number} slot */
  async function redraw(slot) {
    const asking = busy.get(slot);
    if (asking) {
      asking.again = true;
      return;
    }
    const mine = { again: true };
    busy.set(slot, mine);
    work(1);
    try {
      while (mine.again) {
        mine.again = false;
        const asked = turn();
        const { html } = await requests.html("perturbed", { slot, share: share() });
        const isFresh = () => asked === turn();
        if (isFresh()) await put(part("redrawn", slot), html, isFresh);
      }
    } catch (error) {
      say("message", error instanceof Error ? error.message : String(error));
    } finally {
      busy.delete(slot);
      work(-1);
    }
  }

  const share = () => Number(depth.value) / 100;

  return {
    redraw,
    /** @param {() => void} changed is called when another depth is chosen */
    watch(changed) {
      depth.addEventListener("input", () => {
        percent.textContent = `${depth.value} %`;
        changed();
      });
    },
  };
}
