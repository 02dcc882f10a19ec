// The one line where the desk speaks: errors stay until dismissed, notices pass.

import { DeskError } from "./live/transport.js";
import { later, setText } from "./tools.js";

const NOTICE_MS = 7000;

// Shows a message in its line or, where that is scrolled out of sight, at the foot of the window.
export function bring(node) {
  sink(node);
  node.hidden = false;
  const { top, bottom } = node.getBoundingClientRect();
  if ((top >= 0 && bottom <= window.innerHeight) || !node.showPopover) return;
  node.setAttribute("popover", "manual");
  node.showPopover();
}

function sink(node) {
  node.hidden = true;
  node.removeAttribute("popover");
}

export function makeMessages(root) {
  const error = root.querySelector("[data-message]");
  const text = root.querySelector("[data-message-text]");
  const notice = root.querySelector("[data-notice]");
  const passing = later(NOTICE_MS, () => sink(notice));

  root.querySelector('[data-action="dismiss"]').addEventListener("click", () => {
    sink(error);
  });

  return {
    fail(problem) {
      const known = problem instanceof DeskError;
      setText(text, known ? problem.message
        : "Something went wrong in the page. Reload it: your picture and edits are kept.");
      error.dataset.code = known ? problem.code : "page";
      sink(notice);
      bring(error);
      if (!known) console.error(problem);
    },
    say(words) {
      setText(notice, words);
      bring(notice);
      passing.ask();
    },
    // Something worked: what was said before is no longer true.
    clear() {
      sink(error);
      sink(notice);
    },
    clearNetwork() {
      if (error.dataset.code === "network") sink(error);
    },
  };
}
