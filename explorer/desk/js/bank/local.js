// The local axes of one level: asked for when they are looked at, and again for another image.

// All that local axes depend on beside the model and the level.
export const imageOf = (recipe) => `${recipe.image}:${recipe.encode_seed}`;

// `ask(level)` gives the axes at the image that is open; `changed()` is called when they came.
export function makeLocal(ask, level, changed) {
  let known = { image: null, all: [], none: "" };
  let failed = false;
  let busy = false;

  // One question at a time: whoever leafs through pictures asks for the last one only.
  async function find(image) {
    known = { image, all: [], none: "Looking at this picture for the steps that move it most …" };
    if (busy) return;
    busy = true;
    failed = false;
    let all = [];
    let none = "";
    try {
      all = await ask(level);
    } catch (problem) {
      none = problem.message;
    }
    busy = false;
    if (known.image !== image) { // another one was opened meanwhile
      find(known.image);
      return;
    }
    failed = none !== "";
    known = { image, all, none };
    changed();
  }

  return {
    at(image) {
      if (image !== null && known.image !== image) find(image);
      return known;
    },
    // What failed is asked for once more.
    again() {
      if (failed) known = { image: null, all: [], none: "" };
    },
  };
}
