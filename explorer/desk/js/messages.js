// The one line where the desk speaks: errors stay until dismissed, notices pass.

const NOTICE_MS = 7000;

function makeMessages(root) {
  const error = root.querySelector("[data-message]");
  const text = root.querySelector("[data-message-text]");
  const notice = root.querySelector("[data-notice]");
  const passing = later(NOTICE_MS, () => { notice.hidden = true; });

  root.querySelector('[data-action="dismiss"]').addEventListener("click", () => {
    error.hidden = true;
  });

  return {
    fail(problem) {
      const known = problem instanceof DeskError;
      setText(text, known ? problem.message
        : "Something went wrong in the page. Reload it: your picture and edits are kept.");
      error.dataset.code = known ? problem.code : "page";
      error.hidden = false;
      notice.hidden = true;
      if (!known) console.error(problem);
    },
    say(words) {
      setText(notice, words);
      notice.hidden = false;
      passing.ask();
    },
    // Something worked: what was said before is no longer true.
    clear() {
      error.hidden = true;
      notice.hidden = true;
    },
    clearNetwork() {
      if (error.dataset.code === "network") error.hidden = true;
    },
  };
}
