// Before and after: as long as the button or the key is held, the main screen shows the
// reconstruction. Whatever may swallow the release (another window, another tab) ends it too.

import { find, findButton } from "../dom.js";

/** @import { Screens } from "./screens.js" */

/**
 * @param {HTMLElement} root
 * @param {Screens} screens
 */
export function makeBefore(root, screens) {
  const stage = find(root, "[data-stage]", HTMLElement);
  const button = findButton(root, "before");
  /** @type {Set<string>} */
  const holders = new Set();

  /**
   * @param {string} who holds it
   * @param {boolean} on
   */
  function hold(who, on) {
    const was = holders.size > 0;
    if (on) holders.add(who);
    else holders.delete(who);
    const is = holders.size > 0;
    if (is === was) return;
    screens.hold(is);
    stage.classList.toggle("before", is);
    button.setAttribute("aria-pressed", String(is));
  }

  function letGo() {
    for (const who of [...holders]) hold(who, false);
  }

  button.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    button.setPointerCapture(event.pointerId);
    hold("pointer", true);
  });
  for (const type of ["pointerup", "pointercancel", "lostpointercapture"]) {
    button.addEventListener(type, () => hold("pointer", false));
  }
  button.addEventListener("contextmenu", (event) => event.preventDefault()); // of a long touch
  button.addEventListener("keydown", (event) => {
    if (event.key === " " || event.key === "Enter") hold("press", true);
  });
  for (const type of ["keyup", "blur"]) {
    button.addEventListener(type, () => hold("press", false));
  }
  window.addEventListener("blur", letGo);
  document.addEventListener("visibilitychange", letGo);

  return { hold: (/** @type {boolean} */ on) => hold("key", on) };
}
