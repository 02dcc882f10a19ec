// Undo, redo and reset, and how much is changed.

import { find, findButton, setText } from "../dom.js";
import { counted } from "../words.js";
import { countChanges, differs, zeroOf } from "./edits.js";

/** @import { Place, Recipe } from "../types.js" */
/** @import { State } from "./state.js" */

/**
 * @param {HTMLElement} root
 * @param {State} state
 * @param {object} actions
 * @param {(place: Place, back: () => void) => void} actions.travel shows a place that was gone back
 *   or on to; `back` takes that step back
 * @param {(recipe: Recipe) => void} actions.step makes a change that is a step of its own
 */
export function makeHistory(root, state, actions) {
  const [undo, redo, reset] = ["undo", "redo", "reset"].map((action) => findButton(root, action));
  const changes = find(root, "[data-changes]", HTMLElement);

  undo.addEventListener("click", () => actions.travel(state.undo(), () => state.redo()));
  redo.addEventListener("click", () => actions.travel(state.redo(), () => state.undo()));
  reset.addEventListener("click", () => actions.step(zeroOf(state.here().recipe)));

  return {
    sync() {
      const { recipe } = state.here();
      undo.disabled = !state.canUndo();
      redo.disabled = !state.canRedo();
      reset.disabled = !differs(recipe);
      const count = countChanges(recipe);
      setText(changes, count === 0 ? "nothing changed yet" : counted(count, "change"));
    },
  };
}
