// What the person chose, and how to go back. A place is {model, ref, recipe, brush}: the id of
// the model, which picture, the recipe, and the regions painted (regions.js).

import { later } from "../tools.js";
import { sameRecipe, upgraded } from "./edits.js";
import { NO_BRUSH, brushFor } from "./regions.js";

const PLACE_KEY = "strata:desk:place";
const UPLOAD_KEY = "strata:desk:upload";
const STEPS_KEY = "strata:desk:steps";
const MOST_STEPS = 300;
const MOST_STORED = 1000000; // letters of steps
const MERGE_MS = 700;

export function makeState() {
  let here = null;
  let { past, future } = storedSteps();
  let gesture = { key: null, at: 0, open: false };
  const keep = later(150, () => save());

  function save() {
    if (!here) return;
    try {
      sessionStorage.setItem(PLACE_KEY, JSON.stringify(here));
    } catch (problem) {
      // Full or forbidden: the session then lives as long as the page, which is no error.
    }
  }

  function settled(place) {
    return { ...place, brush: brushFor(place.recipe, place.brush || NO_BRUSH) };
  }

  function remember() {
    past.push(here);
    if (past.length > MOST_STEPS) past.shift();
    future = [];
  }

  return {
    here: () => here,
    canUndo: () => past.length > 0,
    canRedo: () => future.length > 0,

    // A place without a step to go back to: the first one, or one corrected by the server.
    adopt(place) {
      here = settled(place);
      gesture.open = false;
      keep.ask();
    },
    // A new place that one step of undo leaves.
    travel(place) {
      if (here) remember();
      this.adopt(place);
      gesture.key = null;
    },
    // A new recipe or brush here. All changes of one gesture (a drag, a stroke, keys held down)
    // are one step.
    change(recipe, key, merge, brush) {
      const now = performance.now();
      const same = key !== null && gesture.key === key
        && (gesture.open || (merge && now - gesture.at < MERGE_MS));
      if (!same) remember();
      here = settled({ ...here, recipe, brush: brush || here.brush });
      gesture = { key, at: now, open: true };
      keep.ask();
    },
    // The hand let go. A gesture that ended where it began leaves no step.
    release() {
      if (!gesture.open) return;
      gesture.open = false;
      const before = past[past.length - 1];
      const unchanged = before && before.model === here.model
        && JSON.stringify(before.ref) === JSON.stringify(here.ref)
        && sameRecipe(before.brush, here.brush) && sameRecipe(before.recipe, here.recipe);
      if (unchanged) {
        past.pop();
        gesture.key = null;
      }
    },
    undo() {
      future.push(here);
      here = past.pop();
      gesture = { key: null, at: 0, open: false };
      keep.ask();
      return here;
    },
    // Back by one step that is not worth keeping.
    discard() {
      here = past.pop();
      gesture = { key: null, at: 0, open: false };
      keep.ask();
      return here;
    },
    redo() {
      past.push(here);
      here = future.pop();
      gesture = { key: null, at: 0, open: false };
      keep.ask();
      return here;
    },
    save,
    // When the page goes; Gradio loads it anew where an event of its own lost its server.
    leave() {
      save();
      storeSteps(past, future);
    },
  };
}

// The steps to go back and on, as many of the latest as there is room for.
function storeSteps(past, future) {
  let text = JSON.stringify({ past, future });
  while (text.length > MOST_STORED && past.length + future.length > 1) {
    past = past.slice(Math.ceil(past.length / 2));
    future = future.slice(Math.ceil(future.length / 2));
    text = JSON.stringify({ past, future });
  }
  try {
    sessionStorage.setItem(STEPS_KEY, text);
  } catch (problem) {
    sessionStorage.removeItem(STEPS_KEY);
  }
}

function storedSteps() {
  try {
    const { past, future } = JSON.parse(sessionStorage.getItem(STEPS_KEY));
    const now = (place) => ({ ...place, recipe: upgraded(place.recipe) });
    if (storedPlace()) return { past: past.map(now), future: future.map(now) };
  } catch (problem) {
    // None, or of another version: there is nothing to go back to.
  }
  return { past: [], future: [] };
}

export function storedPlace() {
  try {
    const place = JSON.parse(sessionStorage.getItem(PLACE_KEY));
    if (!place || !place.model || !place.ref || !place.recipe) return null;
    return { ...place, recipe: upgraded(place.recipe) };
  } catch (problem) {
    return null;
  }
}

// The bytes of uploads, so that a server that forgot a picture can be given it again.
export function makeUploads() {
  const kept = new Map();
  try {
    const stored = JSON.parse(sessionStorage.getItem(UPLOAD_KEY));
    if (stored) kept.set(stored.key, stored);
  } catch (problem) {
    sessionStorage.removeItem(UPLOAD_KEY);
  }
  return {
    get: (key) => kept.get(key) || null,
    put(key, name, data) {
      kept.delete(key);
      kept.set(key, { key, name, data });
      if (kept.size > 6) kept.delete(kept.keys().next().value);
      try {
        sessionStorage.setItem(UPLOAD_KEY, JSON.stringify({ key, name, data }));
      } catch (problem) {
        // Larger than a session may store: the server still has it, and this page does.
        sessionStorage.removeItem(UPLOAD_KEY);
      }
    },
  };
}

// Asks the server for a place; a picture that it forgot is given to it again.
export async function openPlace(call, uploads, place) {
  const request = { model: place.model, image: place.ref, recipe: place.recipe };
  try {
    return await call("open", request);
  } catch (error) {
    const bytes = place.ref.kind === "upload" ? uploads.get(place.ref.key) : null;
    if (error.code !== "unknown_image" || !bytes) throw error;
    const again = await call("upload", { name: bytes.name, data: bytes.data });
    const saved = again.state && again.state.source_key === place.ref.key;
    const key = saved ? place.ref.key : again.key;
    return call("open", { ...request, image: { ...place.ref, key } });
  }
}
