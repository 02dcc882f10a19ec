// The terms of an image come once it is shown; those before stay, dimmed, until then. With those
// of an upload that is unusual to the model may come another model, which takes any photograph.

import { find, findButton, setHidden, setText } from "../dom.js";
import { makeTerms } from "./terms.js";

/** @import { Transport } from "../live/transport.js" */
/** @import { Opened, Row, Suggestion } from "../types.js" */

/**
 * @param {HTMLElement} root
 * @param {Transport} transport
 * @param {object} actions
 * @param {(answer: Opened) => boolean} actions.current whether a picture is the one open
 * @param {() => void} actions.changed
 * @param {(error: unknown) => void} actions.failed
 * @param {(id: string) => void} actions.openModel
 */
export function makeWeighing(root, transport, actions) {
  const terms = makeTerms(root);
  const line = find(root, "[data-suggest]", HTMLElement);
  const words = find(root, "[data-suggest-text]", HTMLElement);
  const button = findButton(root, "suggest");
  const hint = find(root, "[data-hint]", HTMLElement);
  let weighing = 0;
  /** @type {Suggestion | null} */
  let other = null;

  /**
   * @param {Opened | null} answer
   * @param {Suggestion | null} suggestion
   */
  function suggest(answer, suggestion) {
    other = answer?.ref.kind === "upload" ? suggestion : null;
    setHidden(line, !other);
    setHidden(hint, Boolean(other));
    if (!other || !answer) return;
    setText(words, `This picture is unusual for ${answer.model.title}. `
      + `${other.title} takes any photograph.`);
    setText(button, `Open it in ${other.title}`);
  }

  button.addEventListener("click", () => { if (other) actions.openModel(other.id); });

  return {
    isBusy: () => weighing > 0,
    /**
     * @param {Opened} answer
     * @param {Row[]} rows
     */
    async weigh(answer, rows) {
      terms.wait();
      suggest(null, null);
      weighing += 1;
      try {
        const { terms: found, suggestion } = await transport.call("terms",
          { recipe: answer.recipe });
        if (!actions.current(answer)) return;
        terms.draw(found, answer.model, rows);
        suggest(answer, suggestion);
      } catch (error) {
        if (actions.current(answer)) actions.failed(error);
      } finally {
        weighing -= 1;
        actions.changed();
      }
    },
  };
}
