// Going to another place: another picture, the same one at another side or with another model.

import { codeOf } from "../errors.js";
import { differs } from "./edits.js";
import { NO_BRUSH } from "./regions.js";

/** @import { Call } from "../live/transport.js" */
/** @import { Messages } from "../messages.js" */
/** @import { Models } from "../source/models.js" */
/** @import { Brush, Opened, Place, Ref, Target } from "../types.js" */
/** @import { State } from "./state.js" */
/** @import { Uploads } from "./storage.js" */

/**
 * Opens a place; `kept` runs once the server has it. Resolves to null where another one was asked
 * for meanwhile; rejects and changes nothing on an error.
 * @typedef {(target: Target, kept: (answer: Opened, target: Target) => void) =>
 *   Promise<Opened | null>} Enter
 */

/**
 * A place as the server has opened it; the regions painted stay with the place that was asked for.
 * @param {Opened} answer
 * @param {{ brush?: Brush }} target
 * @returns {Place}
 */
export function placeOf(answer, { brush = NO_BRUSH }) {
  return { model: answer.model.id, ref: answer.ref, recipe: answer.recipe, brush };
}

/**
 * Asks the server for a place; a picture that it forgot is given to it again.
 * @param {Call} call
 * @param {Uploads} uploads
 * @param {Target} target
 * @returns {Promise<Opened>}
 */
export async function openPlace(call, uploads, { model, ref, recipe }) {
  try {
    return await call("open", { model, image: ref, recipe });
  } catch (error) {
    const bytes = ref.kind === "upload" ? uploads.get(ref.key) : null;
    if (codeOf(error) !== "unknown_image" || !bytes || ref.kind !== "upload") throw error;
    const again = await call("upload", { name: bytes.name, data: bytes.data });
    const key = again.state?.source_key === ref.key ? ref.key : again.key;
    return call("open", { model, image: { ...ref, key }, recipe });
  }
}

/**
 * @param {State} state
 * @param {Messages} messages
 * @param {Models} models
 * @param {Enter} enter
 */
export function makeTravel(state, messages, models, enter) {
  /**
   * Goes to another place, as one step that undo leaves.
   * @param {Target} target
   * @param {(answer: Opened) => void} [amend] may change the answer
   */
  async function visit(target, amend) {
    try {
      return await enter(target, (answer) => {
        if (amend) amend(answer);
        state.travel(placeOf(answer, target));
      });
    } catch (error) {
      messages.fail(error);
      return null;
    }
  }

  /**
   * The same picture at another side: the edits mean the same there.
   * @param {number} side
   */
  function resize(side) {
    const { model, ref, recipe, brush } = state.here();
    return visit({ model, ref: at(ref, side), recipe: null, brush }, (answer) => {
      answer.recipe = { ...recipe, image: answer.recipe.image };
    });
  }

  /** @param {string} id */
  async function openModel(id) {
    const { ref, recipe } = state.here();
    const go = (/** @type {Ref} */ to) => enter({ model: id, ref: to, recipe: null },
      (answer, target) => state.travel(placeOf(answer, target)));
    let answer;
    try {
      // Each model has sides of its own.
      answer = await go(at(ref, undefined)).catch((error) => {
        if (ref.kind === "upload" || codeOf(error) === "network") throw error;
        return go({ kind: "example", index: 0 });
      });
    } catch (error) {
      models.restore();
      messages.fail(error);
      return;
    }
    if (answer && differs(recipe)) {
      messages.say("Another model has other axes, so your edits stayed behind. "
        + "Undo brings them back.");
    }
  }

  return { visit, resize, openModel };
}

/**
 * A picture at another side; undefined leaves the side open.
 * @param {Ref} ref
 * @param {number | undefined} side
 * @returns {Ref}
 */
function at(ref, side) {
  return ref.kind === "example" ? ref : { ...ref, side };
}
