// Where to start: the slider that moves this picture most, which the server measures once all
// else is shown. The hint at it and the words above the picture go once something was moved.

import { differs } from "../recipe/edits.js";
import { nameOf } from "../tools.js";

const TRY_SIGMA = 2; // any but 0: in the question an edit only names its slider
const MOST_TRIED = 128; // explorer/start_here.py

// `acts` are {current(answer), offered(), point(found), reveal()}; `offered()` gives the sliders at
// hand, [level, kind, index] each.
export function makeStart(root, transport, acts) {
  const words = root.querySelector("[data-start-words]");
  const go = root.querySelector('[data-action="start"]');
  let model = null;
  let moved = false; // something of this model was
  let found = null;

  function point(next) {
    found = next;
    acts.point(found);
    words.classList.toggle("unsaid", !found); // its place is kept, so that nothing jumps
    if (found) go.title = `The slider that moves this picture most: one of ${nameOf(found.level)}`;
  }

  async function ask(answer) {
    const edits = acts.offered().slice(0, MOST_TRIED).map((axis) => [...axis, TRY_SIGMA]);
    if (!edits.length) return null;
    const recipe = { ...answer.recipe, edits };
    return (await transport.call("start", { recipe })).start;
  }

  go.addEventListener("click", () => acts.reveal());

  return {
    // Another picture is open: what was found belongs to the one before.
    forget(answer) {
      if (answer.model.hash !== model) moved = false;
      model = answer.model.hash;
      delete root.dataset.start;
      point(null);
    },
    async find(answer) {
      const stale = () => moved || !acts.current(answer);
      if (stale() || differs(answer.recipe)) return;
      let next = null;
      try {
        next = await ask(answer);
      } catch (problem) {
        return; // a hint less is no fault to tell of
      }
      if (stale()) return;
      point(next);
      root.dataset.start = next ? `${next.level}:${next.kind}:${next.index}` : "none";
    },
    touched() {
      moved = true;
      if (found) point(null);
    },
  };
}
