// How the page begins: where the last visit of this tab ended, or on the first test picture.

import { DeskError, codeOf } from "../errors.js";
import { storedPlace } from "./storage.js";

/** @import { Messages } from "../messages.js" */
/** @import { Models } from "../source/models.js" */
/** @import { Opened, Target } from "../types.js" */
/** @import { State } from "./state.js" */
/** @import { Enter } from "./travel.js" */

/**
 * @param {Models} models
 * @param {Enter} enter
 * @param {(answer: Opened, target: Target) => void} adopt
 * @param {Messages} messages
 */
export async function enterFirst(models, enter, adopt, messages) {
  const list = await models.refresh();
  if (!list.default) {
    throw new DeskError("There is no model to open yet. Train one in the Train tab, or start "
      + "Strata with --model and the folder of one.", "no_model");
  }
  /** @type {Target} */
  const first = { model: list.default, ref: { kind: "example", index: 0 }, recipe: null };
  const place = storedPlace();
  if (!place) {
    await enter(first, adopt);
    return;
  }
  try {
    await enter(place, adopt);
  } catch (error) {
    if (!(error instanceof DeskError) || codeOf(error) === "network") throw error;
    await enter({ ...place, recipe: null }, adopt).catch(() => enter(first, adopt));
    messages.say("The page could not bring back all of your last visit: "
      + `${error.message}`);
  }
}

/**
 * Things to be done at a place wait until there is one. Where the first visit failed, the next
 * of them tries it again.
 * @param {State} state
 * @param {object} actions
 * @param {() => Promise<void>} actions.visit the first visit
 * @param {() => void} actions.late is told that something waits
 * @param {(error: unknown) => void} actions.failed
 */
export function makeFirst(state, { visit, late, failed }) {
  /** @type {Promise<void> | null} */
  let landing = null;

  function land() {
    landing ??= visit().finally(() => { landing = null; });
    return landing;
  }

  return {
    land,
    /**
     * @template {unknown[]} A
     * @param {(...given: A) => unknown} act
     * @returns {(...given: A) => Promise<void>}
     */
    after: (act) => async (...given) => {
      if (!state.isOpen()) {
        late();
        try {
          await land();
        } catch (error) {
          failed(error);
          return;
        }
      }
      act(...given);
    },
  };
}
