// The terms of an image come once it is shown; those before stay, dimmed, until then. With those
// of an upload that is unusual to the model may come another model, which takes any photograph.

import { setHidden, setText } from "../tools.js";
import { makeTerms } from "./terms.js";

// `acts` are {current(answer), changed(), failed(error), openModel(id)}.
export function makeWeighing(root, transport, acts) {
  const terms = makeTerms(root);
  const line = root.querySelector("[data-suggest]");
  const words = root.querySelector("[data-suggest-text]");
  const go = root.querySelector('[data-action="suggest"]');
  const hint = root.querySelector("[data-hint]");
  let weighing = 0;
  let other = null;

  function suggest(answer, suggestion) {
    other = answer && answer.ref.kind === "upload" ? suggestion : null;
    setHidden(line, !other);
    setHidden(hint, Boolean(other));
    if (!other) return;
    setText(words, `This picture is unusual for ${answer.model.title}. `
      + `${other.title} takes any photograph.`);
    setText(go, `Open it in ${other.title}`);
  }

  go.addEventListener("click", () => acts.openModel(other.id));

  return {
    busy: () => weighing > 0,
    async weigh(answer, rows) {
      terms.wait();
      suggest(null, null);
      weighing += 1;
      try {
        const { terms: found, suggestion } = await transport.call("terms",
          { recipe: answer.recipe });
        if (!acts.current(answer)) return;
        terms.draw(found, answer.model, rows);
        suggest(answer, suggestion);
      } catch (error) {
        if (acts.current(answer)) acts.failed(error);
      } finally {
        weighing -= 1;
        acts.changed();
      }
    },
  };
}
