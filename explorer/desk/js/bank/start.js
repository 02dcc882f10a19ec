// Where to start: the slider that moves this picture most, which the server measures once all
// else is shown. The hint at it and the words above the picture go once something was moved.

import { find, findButton } from "../dom.js";
import { differs } from "../recipe/edits.js";
import { nameOf } from "../words.js";

/** @import { Transport } from "../live/transport.js" */
/** @import { AxisId, Opened } from "../types.js" */

const TRY_SIGMA = 2; // any but 0: in the question an edit only names its slider
const MOST_TRIED = 128; // explorer/live/start_here.py

/**
 * @param {HTMLElement} root
 * @param {Transport} transport
 * @param {object} actions
 * @param {(answer: Opened) => boolean} actions.current whether a picture is the one open
 * @param {() => AxisId[]} actions.offered the sliders at hand
 * @param {(found: AxisId | null) => void} actions.point
 * @param {() => void} actions.reveal
 */
export function makeStart(root, transport, actions) {
  const words = find(root, "[data-start-words]", HTMLElement);
  const button = findButton(root, "start");
  /** @type {string | null} */
  let model = null;
  let moved = false; // something of this model was
  /** @type {AxisId | null} */
  let found = null;

  /** @param {AxisId | null} next */
  function point(next) {
    found = next;
    actions.point(found);
    words.classList.toggle("unsaid", !found); // its place is kept, so that nothing jumps
    if (found) {
      button.title = `The slider that moves this picture most: one of ${nameOf(found.level)}`;
    }
  }

  /** @param {Opened} answer */
  async function ask(answer) {
    const edits = actions.offered().slice(0, MOST_TRIED)
      .map((axis) => ({ ...axis, sigma: TRY_SIGMA, region: null }));
    if (!edits.length) return null;
    return (await transport.call("start", { recipe: { ...answer.recipe, edits } })).start;
  }

  button.addEventListener("click", () => actions.reveal());

  return {
    /**
     * Another picture is open: what was found belongs to the one before.
     * @param {Opened} answer
     */
    forget(answer) {
      if (answer.model.hash !== model) moved = false;
      model = answer.model.hash;
      delete root.dataset.start;
      point(null);
    },
    /** @param {Opened} answer */
    async find(answer) {
      const isStale = () => moved || !actions.current(answer);
      if (isStale() || differs(answer.recipe)) return;
      let next = null;
      try {
        next = await ask(answer);
      } catch {
        return; // a hint less is no fault to tell of
      }
      if (isStale()) return;
      point(next);
      root.dataset.start = next ? `${next.level}:${next.kind}:${next.index}` : "none";
    },
    touched() {
      moved = true;
      if (found) point(null);
    },
  };
}
