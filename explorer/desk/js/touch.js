// A finger on the glass scrolls the page or means what it touches: which, shows as it moves.

export const TOUCH_SLACK_PX = 8; // as far as a finger wanders that stays where it is
const STEEP = 2; // up and down by so much more than sideways was a scroll after all

/**
 * Whether a finger that went so far means what it touched; the browser scrolls otherwise.
 * @param {number} right
 * @param {number} down
 */
export function isSideways(right, down) {
  return Math.abs(right) > TOUCH_SLACK_PX && Math.abs(right) > Math.abs(down);
}

/**
 * A finger on a slider.
 * @typedef {object} Held
 * @property {HTMLInputElement} input
 * @property {number} id of the pointer
 * @property {number} x where it came down, in pixels
 * @property {number} y
 * @property {number} far how far it went sideways at most
 * @property {number} steep and how far up or down
 * @property {string} from the value of the slider before
 * @property {string} to the value where the finger is
 * @property {boolean} known whether it means the slider
 */

/**
 * Browsers move a slider at the first touch, before anybody knows. Here it moves once the finger
 * went sideways, or was lifted where it came down; what turned out to be a scroll leaves it alone.
 * @param {HTMLElement} root
 */
export function makeTouches(root) {
  /** @type {Held | null} */
  let held = null;

  root.addEventListener("pointerdown", (event) => {
    if (event.pointerType !== "touch" || !event.isPrimary) return;
    const input = event.target;
    if (!(input instanceof HTMLInputElement) || input.type !== "range") return;
    held = { input, id: event.pointerId, x: event.clientX, y: event.clientY, far: 0, steep: 0,
      from: input.value, to: input.value, known: false };
  }, true);
  root.addEventListener("input", (event) => {
    if (!held || event.target !== held.input || held.known) return;
    held.to = held.input.value;
    held.input.value = held.from;
    event.stopPropagation();
  }, true);
  root.addEventListener("pointermove", (event) => {
    if (!held || event.pointerId !== held.id) return;
    const [right, down] = [event.clientX - held.x, event.clientY - held.y];
    held.far = Math.max(held.far, Math.abs(right));
    held.steep = Math.max(held.steep, Math.abs(down));
    if (!held.known && isSideways(right, down)) settle(held);
  }, true);
  root.addEventListener("pointerup", (event) => {
    if (!held || event.pointerId !== held.id) return;
    if (Math.max(held.far, held.steep) <= TOUCH_SLACK_PX) settle(held);
    else if (held.steep > STEEP * held.far) restore(held);
    held = null;
  }, true);
  root.addEventListener("pointercancel", (event) => {
    if (!held || event.pointerId !== held.id) return;
    restore(held);
    held = null;
  }, true);
}

/**
 * @param {HTMLInputElement} input
 * @param {string} value
 */
function put(input, value) {
  if (input.value === value) return;
  input.value = value;
  input.dispatchEvent(new Event("input", { bubbles: true }));
}

/**
 * The finger means the slider: it moves to where the finger is.
 * @param {Held} held
 */
function settle(held) {
  held.known = true;
  put(held.input, held.to);
}

/**
 * The browser may think that nothing changed, so the end of the gesture is told.
 * @param {Held} held
 */
function restore(held) {
  put(held.input, held.from);
  held.input.dispatchEvent(new Event("change", { bubbles: true }));
}
