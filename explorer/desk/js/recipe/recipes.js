// The recipe as text (copy, paste), and the picture as a file that carries it.

import { DeskError } from "../live/transport.js";
import { makeRecipeDialog } from "../source/dialogs.js";
import { base64ToBytes, make } from "../tools.js";
import { canonicalRecipe, upgraded } from "./edits.js";
import { canonicalRegion } from "./regions.js";

// `apply(recipe)` takes a recipe that the server has already drawn once.
export function makeRecipes(root, transport, messages, state, apply) {
  const dialog = makeRecipeDialog(root);
  const button = (action) => root.querySelector(`[data-action="${action}"]`);

  button("copy").addEventListener("click", async () => {
    const text = JSON.stringify(state.here().recipe);
    try {
      await navigator.clipboard.writeText(text);
      messages.say("Recipe copied.");
    } catch (problem) {
      dialog.show(text);
    }
  });

  button("paste").addEventListener("click", async () => {
    let text = "";
    try {
      text = await navigator.clipboard.readText();
    } catch (problem) {
      text = "";
    }
    if (!text.trim().startsWith("{")) {
      dialog.ask("", attempt, null);
      return;
    }
    const wrong = await attempt(text);
    if (wrong) dialog.ask(text, attempt, wrong);
  });

  button("download").addEventListener("click", async () => {
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

  // What is wrong with a value as a recipe for the open model, or null.
  function objection(given) {
    if (!given || typeof given !== "object" || Array.isArray(given)) {
      return "This is not a recipe: it should be an object in curly braces.";
    }
    if (given.model !== state.here().recipe.model) {
      return "This recipe was made with another model, whose axes are others. "
        + "Open that model first, then paste it again.";
    }
    return null;
  }

  // Applies a recipe given as text, or resolves to what is wrong with it. The server judges
  // its values by drawing it; only then does the page take it over.
  async function attempt(text) {
    let given;
    try {
      given = JSON.parse(text);
    } catch (problem) {
      return "This is not a recipe: it is not valid JSON. Copy it again as a whole.";
    }
    const wrong = objection(given);
    if (wrong) return wrong;
    const { recipe: now } = state.here();
    const elsewhere = given.image !== now.image;
    const recipe = { ...upgraded(given), image: now.image };
    if (Array.isArray(recipe.regions)) {
      const tidy = (region) => (Array.isArray(region) && canonicalRegion(region)) || region;
      recipe.regions = recipe.regions.map(tidy);
    }
    try {
      await transport.call("render", { seq: 0, recipe });
    } catch (error) {
      return error.message;
    }
    apply(canonicalRecipe({ ...now, ...recipe }));
    messages.clear();
    messages.say(elsewhere ? "Recipe applied. It was made on another picture, so this one "
      + "follows its edits in its own way." : "Recipe applied.");
    return null;
  }

  return {
    async paste(text) {
      const wrong = await attempt(text);
      if (wrong) messages.fail(new DeskError(wrong, "bad_input"));
    },
  };
}
