// The local axes of one level: asked for when they are looked at, and again for another image.

/** @import { Axis, Recipe } from "../types.js" */

/**
 * All that local axes depend on beside the model and the level.
 * @param {Recipe} recipe
 */
export const imageOf = (recipe) => `${recipe.image}:${recipe.encode_seed}`;

/**
 * What is known: of which image, its axes, and what is said where there are none.
 * @typedef {{ image: string | null, all: Axis[], none: string }} Known
 */

/**
 * @param {(level: number) => Promise<Axis[]>} ask gives the axes at the image that is open
 * @param {number} level
 * @param {() => void} changed is called when they came
 */
export function makeLocal(ask, level, changed) {
  /** @type {Known} */
  let known = { image: null, all: [], none: "" };
  let failed = false;
  let busy = false;

  /**
   * One question at a time: whoever leafs through pictures asks for the last one only.
   * @param {string | null} image
   */
  async function look(image) {
    known = { image, all: [], none: "Looking at this picture for the steps that move it most …" };
    if (busy) return;
    busy = true;
    failed = false;
    /** @type {Axis[]} */
    let all = [];
    let none = "";
    try {
      all = await ask(level);
    } catch (problem) {
      none = problem instanceof Error ? problem.message : String(problem);
    }
    busy = false;
    if (known.image !== image) { // another one was opened meanwhile
      look(known.image);
      return;
    }
    failed = none !== "";
    known = { image, all, none };
    changed();
  }

  return {
    /** @param {string | null} image */
    at(image) {
      if (image !== null && known.image !== image) look(image);
      return known;
    },
    /** What failed is asked for once more. */
    again() {
      if (failed) known = { image: null, all: [], none: "" };
    },
  };
}
