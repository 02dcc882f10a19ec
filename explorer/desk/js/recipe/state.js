// What the person chose, and how to go back.

import { later, sameValue } from "../values.js";
import { brushFor } from "./regions.js";
import { storePlace, storeSteps, storedSteps } from "./storage.js";

/** @import { Brush, Place, Recipe } from "../types.js" */
/** @typedef {ReturnType<typeof makeState>} State */

const MOST_STEPS = 300;
const MERGE_MS = 700;
const SAVE_MS = 150;

/**
 * A change under way: all changes of one gesture (a drag, a stroke, keys held down) are one step.
 * @typedef {object} Gesture
 * @property {string | null} key which gesture; null for one that is never continued
 * @property {number} at when it changed something last, in milliseconds
 * @property {boolean} open whether the hand still holds it
 */

/** @param {Place} place */
const tidied = (place) => ({ ...place, brush: brushFor(place.recipe.edits, place.brush) });

export function makeState() {
  /** @type {Place | null} */
  let here = null;
  const { past, future } = storedSteps();
  /** @type {Gesture} */
  let gesture = { key: null, at: 0, open: false };
  const saving = later(SAVE_MS, () => save());

  function save() {
    if (here) storePlace(here);
  }

  function current() {
    if (!here) throw new Error("no picture is open yet");
    return here;
  }

  function remember() {
    past.push(current());
    if (past.length > MOST_STEPS) past.shift();
    future.length = 0;
  }

  /** @param {Place} place */
  function adopt(place) {
    here = tidied(place);
    gesture.open = false;
    saving.ask();
  }

  /**
   * One step back or on.
   * @param {Place[]} from
   * @param {Place[] | null} to where what is here goes; nowhere if it is not worth keeping
   */
  function step(from, to) {
    const next = from.pop();
    if (!next) throw new Error("there is no such step");
    if (to) to.push(current());
    here = next;
    gesture = { key: null, at: 0, open: false };
    saving.ask();
    return here;
  }

  return {
    /** Whether a picture is open. */
    isOpen: () => here !== null,
    here: current,
    canUndo: () => past.length > 0,
    canRedo: () => future.length > 0,
    /** A place without a step to go back to: the first one, or one corrected by the server. */
    adopt,
    /**
     * A new place that one step of undo leaves.
     * @param {Place} place
     */
    travel(place) {
      if (here) remember();
      adopt(place);
      gesture.key = null;
    },
    /**
     * A new recipe or brush here.
     * @param {Recipe} recipe
     * @param {Brush} brush
     * @param {string | null} key names the gesture that it is part of
     * @param {boolean} merge whether it may continue one that ended a moment ago
     */
    change(recipe, brush, key, merge) {
      const now = performance.now();
      const same = key !== null && gesture.key === key
        && (gesture.open || (merge && now - gesture.at < MERGE_MS));
      if (!same) remember();
      here = tidied({ ...current(), recipe, brush });
      gesture = { key, at: now, open: true };
      saving.ask();
    },
    /** The hand let go. A gesture that ended where it began leaves no step. */
    release() {
      if (!gesture.open) return;
      gesture.open = false;
      if (past.length && sameValue(past[past.length - 1], here)) {
        past.pop();
        gesture.key = null;
      }
    },
    undo: () => step(past, future),
    redo: () => step(future, past),
    /** Back by one step that is not worth keeping. */
    discard: () => step(past, null),
    /** When the page goes; Gradio loads it anew where an event of its own lost its server. */
    leave() {
      save();
      storeSteps(past, future);
    },
  };
}
