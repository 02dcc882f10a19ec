// Going to another place: another picture, the same one at another side or with another model.

import { differs } from "./edits.js";

// A place as the server has opened it; the regions painted stay with the place that was asked for.
export function placeOf(answer, { brush }) {
  return { model: answer.model.id, ref: answer.ref, recipe: answer.recipe, brush };
}

// `enter(place, kept)` opens a place, as in main.
export function makeTravel(state, messages, models, enter) {
  // Goes to another place, as one step that undo leaves; `amend` may change the answer.
  async function visit(place, amend) {
    try {
      return await enter(place, (answer) => {
        if (amend) amend(answer);
        state.travel(placeOf(answer, place));
      });
    } catch (error) {
      messages.fail(error);
      return null;
    }
  }

  // The same picture at another side: the edits mean the same there.
  function resize(side) {
    const { model, ref, recipe, brush } = state.here();
    return visit({ model, ref: { ...ref, side }, recipe: null, brush }, (answer) => {
      answer.recipe = { ...recipe, image: answer.recipe.image };
    });
  }

  async function openModel(id) {
    const { ref: { side, ...ref }, recipe } = state.here(); // each model has sides of its own
    const edited = differs(recipe);
    const go = (to) => enter({ model: id, ref: to, recipe: null },
      (answer, place) => state.travel(placeOf(answer, place)));
    let answer;
    try {
      answer = await go(ref).catch((error) => {
        if (ref.kind === "upload" || error.code === "network") throw error;
        return go({ kind: "example", index: 0 });
      });
    } catch (error) {
      models.restore();
      messages.fail(error);
      return;
    }
    if (answer && edited) {
      messages.say("Another model has other axes, so your edits stayed behind. "
        + "Undo brings them back.");
    }
  }

  return { visit, resize, openModel };
}
