// The gallery of test pictures: one sprite, one button a picture, one stop for the Tab key.

import { find, make } from "../dom.js";

/** @import { Examples, Model, Ref } from "../types.js" */

/**
 * @param {HTMLElement} root
 * @param {(index: number) => void} choose
 */
export function makeGallery(root, choose) {
  const grid = find(root, "[data-gallery]", HTMLElement);
  /** @type {HTMLButtonElement[]} */
  let buttons = [];
  /** @type {string | null} */
  let built = null;

  /**
   * @param {number} at
   * @param {Examples} examples
   */
  function buttonOf(at, examples) {
    return make("button", {
      type: "button", "data-example": at, "aria-label": `Test picture ${at + 1}`,
      "aria-pressed": "false", tabindex: at === 0 ? 0 : -1, style: cutOf(at, examples),
      onclick: () => choose(at),
    });
  }

  /** @param {HTMLButtonElement} button the only stop of the Tab key from now on */
  function stopAt(button) {
    for (const one of buttons) one.tabIndex = one === button ? 0 : -1;
  }

  grid.addEventListener("keydown", (event) => {
    const at = buttons.findIndex((button) => button === document.activeElement);
    const across = getComputedStyle(grid).gridTemplateColumns.split(" ").length;
    const step = new Map([["ArrowLeft", -1], ["ArrowRight", 1], ["ArrowUp", -across],
      ["ArrowDown", across]]).get(event.key);
    if (at < 0 || !step) return;
    event.preventDefault();
    const next = buttons[at + step];
    if (!next) return;
    stopAt(next);
    next.focus();
  });

  return {
    /**
     * @param {Model} model
     * @param {Examples} examples
     */
    build(model, examples) {
      if (built === model.hash) return;
      built = model.hash;
      buttons = Array.from({ length: examples.count }, (_, at) => buttonOf(at, examples));
      grid.style.setProperty("--sprite", `url("${examples.png}")`);
      grid.style.setProperty("--aspect", `${examples.w} / ${examples.h}`);
      grid.replaceChildren(...buttons);
    },
    /** @param {Ref} ref */
    mark(ref) {
      buttons.forEach((button, at) => {
        const on = ref.kind === "example" && at === ref.index;
        button.setAttribute("aria-pressed", String(on));
        if (on) stopAt(button);
      });
    },
  };
}

/**
 * The part of the sprite that is one picture, as a style.
 * @param {number} at
 * @param {Examples} examples
 */
function cutOf(at, { count, columns }) {
  const rows = Math.ceil(count / columns);
  const x = columns > 1 ? (100 * (at % columns)) / (columns - 1) : 0;
  const y = rows > 1 ? (100 * Math.floor(at / columns)) / (rows - 1) : 0;
  return `background-position: ${x}% ${y}%; `
    + `background-size: ${100 * columns}% ${100 * rows}%`;
}
