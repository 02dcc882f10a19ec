// One look at what is chosen: the pictures in every model first, then what they cost.

import { put } from "./parts.js";

/** @import { Fresh, makeParts } from "./parts.js" */
/** @import { Requests } from "./requests.js" */

/**
 * @param {ReturnType<typeof makeParts>} parts
 * @param {Requests} requests
 * @param {(slot: number) => void} redraw the perturbed pictures of a model
 */
export function makeLook({ part }, requests, redraw) {
  /**
   * @param {HTMLElement} node
   * @param {string} name
   * @param {{ slot?: number }} more
   * @param {Fresh} isFresh
   */
  async function fill(node, name, more, isFresh) {
    node.classList.add("waiting");
    const { html } = await requests.html(name, more);
    if (isFresh()) await put(node, html, isFresh);
  }

  /**
   * @param {number} slot
   * @param {Fresh} isFresh
   */
  async function lookAt(slot, isFresh) {
    const own = (/** @type {string} */ name) => {
      const found = part("card", slot).querySelector(`[data-part=${name}]`);
      if (found instanceof HTMLElement) return found;
      throw new Error(`no ${name} in the card of a model`);
    };
    for (const name of ["ladder", "samples"]) own(name).classList.add("waiting");
    await fill(own("opened"), "opened", { slot }, isFresh);
    if (!isFresh()) return;
    redraw(slot);
    for (const name of ["ladder", "samples"]) {
      await fill(own(name), name, { slot }, isFresh);
      if (!isFresh()) return;
    }
  }

  /**
   * @param {number} slot
   * @param {Fresh} isFresh
   */
  async function weigh(slot, isFresh) {
    const [cell, whose] = [part("cost", slot), part("whose", slot)];
    for (const node of [cell, whose]) node.classList.add("waiting");
    const { html, total = "" } = await requests.html("cost", { slot });
    if (!isFresh()) return;
    await put(cell, html);
    await put(whose, total);
  }

  /**
   * @param {number[]} slots those that hold a model
   * @param {boolean} others whether the models are others than before
   * @param {Fresh} isFresh
   */
  return async (slots, others, isFresh) => {
    part("bars").classList.add("waiting");
    await Promise.all(slots.map((slot) => lookAt(slot, isFresh)));
    if (!isFresh()) return;
    await Promise.all(slots.map((slot) => weigh(slot, isFresh)));
    if (!isFresh()) return;
    await fill(part("bars"), "bars", {}, isFresh);
    if (!others) return;
    for (const slot of slots) {
      if (isFresh()) await fill(part("time", slot), "time", { slot }, isFresh);
    }
  };
}
