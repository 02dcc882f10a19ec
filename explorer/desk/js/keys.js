// Keys that work wherever the focus is, except where somebody types or a dialog is open.

const TYPING = "textarea, select, input:not([type=range]):not([type=checkbox]), "
  + "[contenteditable]:not([contenteditable=false])";

// The letter of a key in small, as printed on Latin keyboards where another script is typed.
function letterOf(event) {
  const foreign = /^\p{L}$/u.test(event.key) && !/^[a-z]$/i.test(event.key);
  const printed = /^Key([A-Z])$/.exec(event.code);
  return (foreign && printed ? printed[1] : event.key).toLowerCase();
}

// "undo", "redo" or null.
function travelOf(event, letter) {
  if (event.altKey) return null;
  if (!event.ctrlKey && !event.metaKey) {
    return letter === "u" ? (event.shiftKey ? "redo" : "undo") : null;
  }
  if (letter === "z") return event.shiftKey ? "redo" : "undo";
  return letter === "y" && event.ctrlKey ? "redo" : null;
}

// `acts` are {press(action), before(on), overlay(), help(), paint()}.
export function makeKeys(root, acts) {
  function awake(event) {
    const typing = event.target instanceof Element && event.target.closest(TYPING);
    return root.offsetParent !== null && !typing && !event.defaultPrevented
      && !document.querySelector("dialog[open]");
  }

  // Whether the key meant something. A key held down repeats undo and redo only.
  function act(event) {
    const letter = letterOf(event);
    const travel = travelOf(event, letter);
    if (travel) {
      acts.press(travel);
      return true;
    }
    if (event.ctrlKey || event.metaKey || (event.altKey && event.key !== "?")) return false;
    if (event.key !== "?" && event.shiftKey) return false;
    const once = {
      "?": acts.help,
      b: () => acts.before(true),
      i: acts.overlay,
      p: acts.paint,
      r: () => acts.press("reset"),
      s: () => acts.press("surprise"),
    }[letter];
    if (once && !event.repeat) once();
    return Boolean(once);
  }

  function down(event) {
    if (!root.isConnected) {
      document.removeEventListener("keydown", down);
      document.removeEventListener("keyup", up);
      return;
    }
    // With Command down macOS does not tell that another key is released.
    if (event.key === "Meta") acts.before(false);
    if (awake(event) && act(event)) event.preventDefault();
  }

  function up(event) {
    if (letterOf(event) === "b" || event.key === "Meta") acts.before(false);
  }

  document.addEventListener("keydown", down);
  document.addEventListener("keyup", up);
}
