// The recipe as text (copy, paste), and the picture as a file that carries it.

import { findButton, make } from "../dom.js";
import { DeskError } from "../errors.js";
import { makeRecipeDialog } from "../source/dialogs.js";
import { base64ToBytes } from "../values.js";
import { withEdits } from "./edits.js";
import { canonicalRegion } from "./regions.js";
import { fromWire, toWire, upgraded } from "./wire.js";

/** @import { Transport } from "../live/transport.js" */
/** @import { Messages } from "../messages.js" */
/** @import { Recipe, Region, WireRecipe } from "../types.js" */
/** @import { State } from "./state.js" */

/**
 * @param {HTMLElement} root
 * @param {Transport} transport
 * @param {Messages} messages
 * @param {State} state
 * @param {(recipe: Recipe) => void} apply takes a recipe that the server has already drawn once
 */
export function makeRecipes(root, transport, messages, state, apply) {
  const dialog = makeRecipeDialog(root);

  findButton(root, "copy").addEventListener("click", async () => {
    const text = JSON.stringify(toWire(state.here().recipe));
    try {
      await navigator.clipboard.writeText(text);
      messages.say("Recipe copied.");
    } catch {
      dialog.show(text);
    }
  });

  findButton(root, "paste").addEventListener("click", async () => {
    const text = await navigator.clipboard.readText().catch(() => "");
    if (!text.trim().startsWith("{")) {
      dialog.ask("", attempt, null);
      return;
    }
    const wrong = await attempt(text);
    if (wrong) dialog.ask(text, attempt, wrong);
  });

  findButton(root, "download").addEventListener("click", async () => {
    const { recipe, ref } = state.here();
    try {
      const answer = await transport.call("export", { recipe, ref });
      const url = URL.createObjectURL(
        new Blob([base64ToBytes(answer.png)], { type: "image/png" }));
      make("a", { href: url, download: answer.filename }).click();
      setTimeout(() => URL.revokeObjectURL(url), 10000);
    } catch (error) {
      messages.fail(error);
    }
  });

  /**
   * Applies a recipe given as text, or resolves to what is wrong with it. The server judges
   * its values by drawing it; only then does the page take it over.
   * @param {string} text
   * @returns {Promise<string | null>}
   */
  async function attempt(text) {
    const { recipe: now } = state.here();
    const given = read(text, now.model);
    if (typeof given === "string") return given;
    const elsewhere = given.image !== now.image;
    const wire = { ...given, image: now.image };
    try {
      await transport.judge(wire);
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
    const recipe = { ...now, ...fromWire({ ...toWire(now), ...wire }) };
    apply(withEdits(recipe, recipe.edits));
    messages.clear();
    messages.say(elsewhere ? "Recipe applied. It was made on another picture, so this one "
      + "follows its edits in its own way." : "Recipe applied.");
    return null;
  }

  return {
    /** @param {string} text */
    async paste(text) {
      const wrong = await attempt(text);
      if (wrong) messages.fail(new DeskError(wrong, "bad_input"));
    },
  };
}

/**
 * A recipe for a model from text, its regions in canonical form; or what is wrong with it. Whether
 * its values are possible is for the server to say.
 * @param {string} text
 * @param {string} model the hash of the model that is open
 * @returns {WireRecipe | string}
 */
function read(text, model) {
  /** @type {WireRecipe | null} */
  let given;
  try {
    given = JSON.parse(text);
  } catch {
    return "This is not a recipe: it is not valid JSON. Copy it again as a whole.";
  }
  if (!given || typeof given !== "object" || Array.isArray(given)) {
    return "This is not a recipe: it should be an object in curly braces.";
  }
  if (given.model !== model) {
    return "This recipe was made with another model, whose axes are others. "
      + "Open that model first, then paste it again.";
  }
  const recipe = upgraded(given);
  if (!Array.isArray(recipe.regions)) return recipe;
  const tidied = (/** @type {Region} */ region) =>
    (Array.isArray(region) && canonicalRegion(region)) || region;
  return { ...recipe, regions: recipe.regions.map(tidied) };
}
