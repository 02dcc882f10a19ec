// Keys that work wherever the focus is, except where somebody types or a dialog is open.

const TYPING = "textarea, select, input:not([type=range]):not([type=checkbox]), "
  + "[contenteditable]:not([contenteditable=false])";

/**
 * The letter of a key in small, as printed on Latin keyboards where another script is typed.
 * @param {KeyboardEvent} event
 */
function letterOf(event) {
  const foreign = /^\p{L}$/u.test(event.key) && !/^[a-z]$/i.test(event.key);
  const printed = /^Key([A-Z])$/.exec(event.code);
  return (foreign && printed ? printed[1] : event.key).toLowerCase();
}

/**
 * "undo", "redo" or null.
 * @param {KeyboardEvent} event
 * @param {string} letter
 */
function travelOf(event, letter) {
  if (event.altKey) return null;
  if (!event.ctrlKey && !event.metaKey) {
    return letter === "u" ? (event.shiftKey ? "redo" : "undo") : null;
  }
  if (letter === "z") return event.shiftKey ? "redo" : "undo";
  return letter === "y" && event.ctrlKey ? "redo" : null;
}

/**
 * @param {HTMLElement} root
 * @param {object} actions
 * @param {(action: string) => void} actions.press a button
 * @param {(on: boolean) => void} actions.before
 * @param {() => void} actions.overlay
 * @param {() => void} actions.help
 * @param {() => void} actions.paint
 */
export function makeKeys(root, actions) {
  /** @type {Record<string, () => void>} */
  const once = {
    "?": actions.help,
    b: () => actions.before(true),
    i: actions.overlay,
    p: actions.paint,
    r: () => actions.press("reset"),
    s: () => actions.press("surprise"),
  };

  /** @param {KeyboardEvent} event */
  function listens(event) {
    const typing = event.target instanceof Element && event.target.closest(TYPING);
    return root.offsetParent !== null && !typing && !event.defaultPrevented
      && !document.querySelector("dialog[open]");
  }

  /**
   * Whether the key meant something. A key held down repeats undo and redo only.
   * @param {KeyboardEvent} event
   */
  function act(event) {
    const letter = letterOf(event);
    const travel = travelOf(event, letter);
    if (travel) {
      actions.press(travel);
      return true;
    }
    if (event.ctrlKey || event.metaKey || (event.altKey && event.key !== "?")) return false;
    if (event.key !== "?" && event.shiftKey) return false;
    if (!Object.hasOwn(once, letter)) return false;
    if (!event.repeat) once[letter]();
    return true;
  }

  /** @param {KeyboardEvent} event */
  function down(event) {
    if (!root.isConnected) {
      document.removeEventListener("keydown", down);
      document.removeEventListener("keyup", up);
      return;
    }
    // With Command down macOS does not tell that another key is released.
    if (event.key === "Meta") actions.before(false);
    if (listens(event) && act(event)) event.preventDefault();
  }

  /** @param {KeyboardEvent} event */
  function up(event) {
    if (letterOf(event) === "b" || event.key === "Meta") actions.before(false);
  }

  document.addEventListener("keydown", down);
  document.addEventListener("keyup", up);
}
