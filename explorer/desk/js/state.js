// What the person chose, and how to go back. A place is {model, ref, recipe}: the id of the
// model, which picture, and the recipe. Recipes are values: never changed, only replaced.

const PLACE_KEY = "strata:desk:place";
const UPLOAD_KEY = "strata:desk:upload";
const MOST_STEPS = 300;
const MERGE_MS = 700;

function editOf(recipe, level, kind, index) {
  const found = recipe.edits.find((e) => e[0] === level && e[1] === kind && e[2] === index);
  return found ? found[3] : 0;
}

function canonicalEdits(edits) {
  const order = (a, b) => a[0] - b[0] || (a[1] < b[1] ? -1 : a[1] > b[1] ? 1 : a[2] - b[2]);
  return edits.filter((edit) => edit[3] !== 0).sort(order);
}

function withEdit(recipe, level, kind, index, sigma) {
  const others = recipe.edits.filter((e) => e[0] !== level || e[1] !== kind || e[2] !== index);
  return { ...recipe, edits: canonicalEdits([...others, [level, kind, index, sigma]]) };
}

function withPolicy(recipe, level, policy) {
  const policies = recipe.policies.slice();
  policies[level - 1] = policy;
  return { ...recipe, policies };
}

function withoutLevel(recipe, level) {
  const edits = recipe.edits.filter((edit) => edit[0] !== level);
  return withPolicy({ ...recipe, edits }, level, ["keep", 0, 1]);
}

function zeroOf(recipe) {
  const policies = recipe.policies.map(() => ["keep", 0, 1]);
  return { ...recipe, edits: [], policies, temperature: 1, encode_seed: null };
}

function sameRecipe(a, b) {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}

function differs(recipe) {
  return !sameRecipe(JSON.parse(JSON.stringify(zeroOf(recipe))), recipe);
}

function levelDiffers(recipe, level) {
  const policy = recipe.policies[level - 1];
  return recipe.edits.some((edit) => edit[0] === level)
    || policy[0] !== "keep" || policy[1] !== 0 || policy[2] !== 1;
}

// The number of things changed, as a person counts them.
function countChanges(recipe) {
  return recipe.edits.length + recipe.policies.filter((p) => p[0] !== "keep").length;
}

function makeState() {
  let here = null;
  let past = [];
  let future = [];
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
      here = place;
      gesture.open = false;
      keep.ask();
    },
    // A new place that one step of undo leaves.
    travel(place) {
      if (here) remember();
      this.adopt(place);
      gesture.key = null;
    },
    // A new recipe here. All changes of one gesture (a drag, keys held down) are one step.
    change(recipe, key, merge) {
      const now = performance.now();
      const same = key !== null && gesture.key === key
        && (gesture.open || (merge && now - gesture.at < MERGE_MS));
      if (!same) remember();
      here = { ...here, recipe };
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
        && sameRecipe(before.recipe, here.recipe);
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
  };
}

function storedPlace() {
  try {
    const place = JSON.parse(sessionStorage.getItem(PLACE_KEY));
    return place && place.model && place.ref && place.recipe ? place : null;
  } catch (problem) {
    return null;
  }
}

// The bytes of uploads, so that a server that forgot a picture can be given it again.
function makeUploads() {
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
async function openPlace(transport, uploads, place) {
  const request = { model: place.model, image: place.ref, recipe: place.recipe };
  try {
    return await transport.call("open", request);
  } catch (error) {
    const bytes = place.ref.kind === "upload" ? uploads.get(place.ref.key) : null;
    if (error.code !== "unknown_image" || !bytes) throw error;
    const again = await transport.call("upload", { name: bytes.name, data: bytes.data });
    const saved = again.state && again.state.source_key === place.ref.key;
    const key = saved ? place.ref.key : again.key;
    return transport.call("open", { ...request, image: { ...place.ref, key } });
  }
}
