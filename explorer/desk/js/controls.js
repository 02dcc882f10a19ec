// What a person has beside the sliders and the picture: the model and the picture's source, undo,
// recipes as text, keys.

import { findButton } from "./dom.js";
import { makeKeys } from "./keys.js";
import { makeHud } from "./live/hud.js";
import { makeBefore } from "./picture/before.js";
import { enterFirst, makeFirst } from "./recipe/boot.js";
import { makeHistory } from "./recipe/history.js";
import { makeRecipes } from "./recipe/recipes.js";
import { makeTravel, placeOf } from "./recipe/travel.js";
import { makeKeyMap } from "./source/dialogs.js";
import { makeFiles } from "./source/files.js";
import { makeModels, watchNewModels } from "./source/models.js";
import { makeSource } from "./source/source.js";
import { makeTouches } from "./touch.js";

/** @import { Desk } from "./desk.js" */
/** @import { Opened } from "./types.js" */

/** @param {Desk} desk */
export function makeControls(desk) {
  const { root, transport, state, uploads, messages, places } = desk;
  const models = makeModels(root, transport, (id) => travel.openModel(id));
  const travel = makeTravel(state, messages, models, places.enter);
  const history = makeHistory(root, state, {
    travel: (place, back) => desk.travelBack(place, back),
    step: (recipe) => desk.step(recipe),
  });
  const recipes = makeRecipes(root, transport, messages, state, (recipe) => {
    desk.startHere.touched();
    desk.step(recipe);
  });
  const first = makeFirst(state, {
    visit: () => enterFirst(models, places.enter,
      (answer, target) => state.adopt(placeOf(answer, target)), messages),
    late: () => messages.say("The page is still loading; this comes next."),
    failed: messages.fail,
  });
  const source = makeSource(root, {
    file: first.after(makeFiles(transport, uploads, state, messages,
      { begin: places.begin, visit: travel.visit })),
    refer: first.after((ref) => travel.visit({ model: state.here().model, ref, recipe: null })),
    resize: travel.resize,
    text: first.after(recipes.paste),
    failed: messages.fail,
  });
  makeHands(desk);
  watchNewModels(root, (id) => {
    models.refresh()
      .then(() => { if (id && state.isOpen()) travel.openModel(id); }, messages.fail);
  });

  return {
    begin() {
      first.land().catch(messages.fail);
    },
    openModel: travel.openModel,
    syncHistory: history.sync,
    /** @param {Opened} answer */
    show(answer) {
      models.show(answer.model);
      source.show(answer);
    },
  };
}

/**
 * Keys that work everywhere, and fingers on sliders.
 * @param {Desk} desk
 */
function makeHands({ root, screens, live, regions }) {
  const before = makeBefore(root, screens);
  const hud = makeHud(root, live);
  const keyMap = makeKeyMap(root);
  makeTouches(root);
  makeKeys(root, {
    press: (action) => findButton(root, action).click(),
    before: before.hold,
    overlay: hud.toggle,
    help: keyMap.open,
    paint: regions.toggle,
  });
}
