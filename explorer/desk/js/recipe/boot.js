// How the page begins: where the last visit of this tab ended, or on the first test picture.

import { DeskError } from "../live/transport.js";
import { storedPlace } from "./state.js";

export async function enterFirst(models, enter, adopt, messages) {
  const list = await models.refresh();
  if (!list.default) {
    throw new DeskError("There is no model to open yet. Train one in the Train tab, or start "
      + "Strata with --model and the folder of one.", "no_model");
  }
  const first = { model: list.default, ref: { kind: "example", index: 0 }, recipe: null };
  const place = storedPlace();
  if (!place) {
    await enter(first, adopt);
    return;
  }
  try {
    await enter(place, adopt);
  } catch (error) {
    if (error.code === "network") throw error;
    await enter({ ...place, recipe: null }, adopt).catch(() => enter(first, adopt));
    messages.say("The page could not bring back all of your last visit: "
      + `${error.message}`);
  }
}

// Things to be done at a place wait until there is one. Where the first visit failed, the next
// of them tries it again. `visit()` is the first visit, `late()` is told that something waits.
export function makeFirst(state, visit, late, failed) {
  let landing = null;

  function land() {
    landing = landing || visit().finally(() => { landing = null; });
    return landing;
  }

  return {
    land,
    after: (act) => async (...given) => {
      if (!state.here()) {
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
