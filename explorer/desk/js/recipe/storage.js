// What a tab of the browser keeps over a reload: where it is, its steps, its upload. A store that
// is full or forbidden is no error: the session then lives as long as the page.

import { NO_BRUSH } from "./regions.js";
import { withWire, withoutWire } from "./wire.js";

/** @import { Place, WireRecipe } from "../types.js" */
/** @typedef {ReturnType<typeof makeUploads>} Uploads */

const PLACE_KEY = "strata:desk:place";
const UPLOAD_KEY = "strata:desk:upload";
const STEPS_KEY = "strata:desk:steps";
const MOST_STORED = 1000000; // letters of steps
const MOST_UPLOADS = 6;

/** @typedef {Omit<Place, "recipe"> & { recipe: WireRecipe }} Stored a place as it is kept */

/** @type {(stored: Stored) => Place} */
const restored = (stored) => ({ ...withoutWire(stored), brush: stored.brush ?? NO_BRUSH });

/**
 * @param {string} key
 * @param {string} text
 * @returns {boolean} whether there was room for it
 */
function store(key, text) {
  try {
    sessionStorage.setItem(key, text);
    return true;
  } catch {
    return false;
  }
}

/** @param {Place} place */
export function storePlace(place) {
  store(PLACE_KEY, JSON.stringify(withWire(place)));
}

/** Where the last visit of this tab ended; null if there was none. */
export function storedPlace() {
  try {
    /** @type {Stored | null} */
    const place = JSON.parse(sessionStorage.getItem(PLACE_KEY) ?? "null");
    return place?.model && place.ref && place.recipe ? restored(place) : null;
  } catch {
    return null;
  }
}

/**
 * The steps to go back and on, as many of the latest as there is room for.
 * @param {Place[]} past
 * @param {Place[]} future
 */
export function storeSteps(past, future) {
  const steps = { past: past.map(withWire), future: future.map(withWire) };
  let text = JSON.stringify(steps);
  while (text.length > MOST_STORED && steps.past.length + steps.future.length > 1) {
    steps.past.splice(0, Math.ceil(steps.past.length / 2));
    steps.future.splice(0, Math.ceil(steps.future.length / 2));
    text = JSON.stringify(steps);
  }
  if (!store(STEPS_KEY, text)) sessionStorage.removeItem(STEPS_KEY);
}

/** @returns {{ past: Place[], future: Place[] }} */
export function storedSteps() {
  try {
    /** @type {{ past: Stored[], future: Stored[] }} */
    const { past, future } = JSON.parse(sessionStorage.getItem(STEPS_KEY) ?? "null");
    if (storedPlace()) return { past: past.map(restored), future: future.map(restored) };
  } catch {
    // None, or of another version: there is nothing to go back to.
  }
  return { past: [], future: [] };
}

/** @typedef {{ key: string, name: string, data: string }} Upload a file in base64 */

/** The bytes of uploads, so that a server that forgot a picture can be given it again. */
export function makeUploads() {
  /** @type {Map<string, Upload>} */
  const known = new Map();
  try {
    /** @type {Upload | null} */
    const stored = JSON.parse(sessionStorage.getItem(UPLOAD_KEY) ?? "null");
    if (stored) known.set(stored.key, stored);
  } catch {
    sessionStorage.removeItem(UPLOAD_KEY);
  }
  return {
    /** @param {string} key */
    get: (key) => known.get(key) ?? null,
    /**
     * @param {string} key
     * @param {string} name
     * @param {string} data in base64
     */
    put(key, name, data) {
      known.delete(key);
      known.set(key, { key, name, data });
      const [oldest] = known.keys();
      if (known.size > MOST_UPLOADS) known.delete(oldest);
      // Larger than a session may store: the server still has it, and this page does.
      if (!store(UPLOAD_KEY, JSON.stringify({ key, name, data }))) {
        sessionStorage.removeItem(UPLOAD_KEY);
      }
    },
  };
}
