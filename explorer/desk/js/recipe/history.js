// Undo, redo and reset, and how much is changed.

import { setText } from "../tools.js";
import { countChanges, differs, zeroOf } from "./edits.js";

// `acts` are {travel(place, undoIt), step(recipe)}.
export function makeHistory(root, state, acts) {
  const button = (action) => root.querySelector(`[data-action="${action}"]`);
  const [undo, redo, reset] = [button("undo"), button("redo"), button("reset")];
  const changes = root.querySelector("[data-changes]");

  undo.addEventListener("click", () => acts.travel(state.undo(), () => state.redo()));
  redo.addEventListener("click", () => acts.travel(state.redo(), () => state.undo()));
  reset.addEventListener("click", () => acts.step(zeroOf(state.here().recipe)));

  return {
    sync() {
      const { recipe } = state.here();
      undo.disabled = !state.canUndo();
      redo.disabled = !state.canRedo();
      reset.disabled = !differs(recipe);
      const count = countChanges(recipe);
      setText(changes, count === 0 ? "nothing changed yet"
        : `${count} ${count === 1 ? "change" : "changes"}`);
    },
  };
}
