// The one line where the desk speaks: errors stay until dismissed, notices pass.

import { find, findButton, setHidden, setText } from "./dom.js";
import { DeskError } from "./errors.js";
import { later } from "./values.js";

/** @typedef {ReturnType<typeof makeMessages>} Messages */

const NOTICE_MS = 7000;

/**
 * Shows a message in its line or, where that is scrolled out of sight, at the foot of the window.
 * @param {HTMLElement} node
 */
function show(node) {
  hide(node);
  node.hidden = false;
  const { top, bottom } = node.getBoundingClientRect();
  if ((top >= 0 && bottom <= window.innerHeight) || !node.showPopover) return;
  node.setAttribute("popover", "manual");
  node.showPopover();
}

/** @param {HTMLElement} node */
function hide(node) {
  node.hidden = true;
  node.removeAttribute("popover");
}

/** @param {HTMLElement} root */
export function makeMessages(root) {
  const error = find(root, "[data-message]", HTMLElement);
  const text = find(root, "[data-message-text]", HTMLElement);
  const notice = find(root, "[data-notice]", HTMLElement);
  const passing = later(NOTICE_MS, () => hide(notice));

  findButton(root, "dismiss").addEventListener("click", () => hide(error));

  return {
    /** @param {unknown} problem */
    fail(problem) {
      const known = problem instanceof DeskError;
      setText(text, known ? problem.message
        : "Something went wrong in the page. Reload it: your picture and edits are kept.");
      error.dataset.code = known ? problem.code : "page";
      hide(notice);
      show(error);
      if (!known) console.error(problem);
    },
    /** @param {string} words */
    say(words) {
      setText(notice, words);
      show(notice);
      passing.ask();
    },
    /** Something worked: what was said before is no longer true. */
    clear() {
      hide(error);
      hide(notice);
    },
    clearNetwork() {
      if (error.dataset.code === "network") hide(error);
    },
  };
}

/**
 * The badge that says so where frames come slowly. Gives what shows it with words, or hides it.
 * @param {HTMLElement} root
 */
export function makeBadge(root) {
  const badge = find(root, "[data-slow]", HTMLElement);
  return (/** @type {string | null} */ words) => {
    setHidden(badge, !words);
    setText(badge, words || "");
  };
}
