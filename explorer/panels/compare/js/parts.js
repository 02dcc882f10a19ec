// The parts of the Compare tab, and HTML that takes the place of other HTML without a flash.

/** @typedef {() => boolean} Fresh whether what was asked for is still wanted */

/**
 * @param {HTMLElement} element the component
 */
export function makeParts(element) {
  /**
   * @template {HTMLElement} T
   * @param {string} selector
   * @param {{ new (): T }} kind
   * @returns {T}
   */
  function find(selector, kind) {
    const found = element.querySelector(selector);
    if (found instanceof kind) return found;
    throw new Error(`no ${selector} in the Compare tab`);
  }
  return {
    find,
    /**
     * A part by its name, and by its slot where each has one.
     * @param {string} name
     * @param {number} [slot]
     */
    part: (name, slot) => find(slot === undefined ? `[data-${name}]` : `[data-${name}="${slot}"]`,
      HTMLElement),
    /**
     * @param {string} name
     * @param {string} text
     */
    say(name, text) {
      const node = find(`[data-${name}]`, HTMLElement);
      node.hidden = !text;
      node.textContent = text || "";
    },
  };
}

/**
 * New pictures are decoded before they take the place of the old ones, so that nothing flashes.
 * @param {HTMLElement} node
 * @param {string} html
 * @param {Fresh} [isFresh]
 */
export async function put(node, html, isFresh = () => true) {
  const made = document.createElement("template");
  made.innerHTML = html;
  const images = [...made.content.querySelectorAll("img")];
  await Promise.all(images.map((image) => image.decode().catch(() => null)));
  if (!isFresh()) return;
  node.replaceChildren(made.content);
  node.classList.remove("waiting");
}

/**
 * One stop of the Tab key for a row; the arrow keys go from one part to the next.
 * @param {KeyboardEvent} event
 */
export function travelRow(event) {
  const { target } = event;
  const row = target instanceof Element ? target.closest("[data-roving]") : null;
  const parts = row ? [...row.querySelectorAll("[tabindex]")]
    .filter((part) => part instanceof HTMLElement) : [];
  const at = parts.findIndex((part) => part === target);
  const to = new Map([["ArrowLeft", at - 1], ["ArrowRight", at + 1], ["Home", 0],
    ["End", parts.length - 1]]).get(event.key);
  if (at < 0 || to === undefined || !parts[to]) return;
  event.preventDefault();
  for (const part of parts) part.tabIndex = part === parts[to] ? 0 : -1;
  parts[to].focus();
}
