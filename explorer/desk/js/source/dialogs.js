// The dialogs: a recipe as text, the webcam, and the map of keys and gestures.

import { find, findButton, make, setText } from "../dom.js";
import { DeskError } from "../errors.js";

/**
 * @param {HTMLElement} root
 * @param {string} name
 */
function findDialog(root, name) {
  return find(root, `[data-dialog="${name}"]`, HTMLDialogElement);
}

/** @param {HTMLDialogElement} dialog */
const closerOf = (dialog) => find(dialog, "[data-dialog-close]", HTMLButtonElement);

/**
 * Does something with the text of a recipe; resolves to what is wrong with it, or null.
 * @typedef {(text: string) => Promise<string | null>} Work
 */

/** @param {HTMLElement} root */
export function makeRecipeDialog(root) {
  const dialog = findDialog(root, "recipe");
  const says = find(dialog, "[data-dialog-text]", HTMLElement);
  const text = find(dialog, "[data-recipe-text]", HTMLTextAreaElement);
  const problem = find(dialog, "[data-dialog-problem]", HTMLElement);
  const apply = find(dialog, "[data-dialog-apply]", HTMLButtonElement);
  /** @type {Work} */
  let work = async () => null;

  /** @param {string | null} message */
  function complain(message) {
    problem.hidden = !message;
    setText(problem, message || "");
  }

  closerOf(dialog).addEventListener("click", () => dialog.close());
  apply.addEventListener("click", async () => {
    apply.disabled = true;
    const message = await work(text.value);
    apply.disabled = false;
    if (message) complain(message);
    else dialog.close();
  });

  /**
   * @param {string} message
   * @param {string} value
   * @param {boolean} readOnly
   */
  function open(message, value, readOnly) {
    setText(says, message);
    text.value = value;
    text.readOnly = readOnly;
    apply.hidden = readOnly;
    complain(null);
    dialog.showModal();
    text.focus();
    text.select();
  }

  return {
    /**
     * For a browser that does not let a page write to the clipboard.
     * @param {string} recipe
     */
    show(recipe) {
      open("Copy this text (Ctrl+C). Pasted back, it makes the same picture.", recipe, true);
    },
    /**
     * @param {string} value
     * @param {Work} applied
     * @param {string | null} wrong what is wrong with the value
     */
    ask(value, applied, wrong) {
      work = applied;
      open("Paste a recipe here (Ctrl+V) and apply it.", value, false);
      complain(wrong);
    },
  };
}

/**
 * Opened by its button or by ?, and closed by ? too.
 * @param {HTMLElement} root
 */
export function makeKeyMap(root) {
  const dialog = findDialog(root, "keys");
  const open = () => dialog.showModal();

  findButton(root, "keys").addEventListener("click", open);
  closerOf(dialog).addEventListener("click", () => dialog.close());
  dialog.addEventListener("keydown", (event) => {
    if (event.key !== "?") return;
    event.preventDefault(); // or the page would open it again
    if (!event.repeat) dialog.close();
  });
  return { open };
}

async function openWebcam() {
  if (!navigator.mediaDevices?.getUserMedia) {
    throw new DeskError("This page may not use a webcam: browsers allow it on localhost and "
      + "over https only. Upload a picture instead.", "webcam");
  }
  try {
    return await navigator.mediaDevices.getUserMedia({ video: true });
  } catch {
    throw new DeskError("The webcam could not be opened. Plug one in and allow this page to use "
      + "it, or upload a picture instead.", "webcam");
  }
}

/**
 * Resolves to a picture, or null if the person closed the dialog.
 * @param {HTMLElement} root
 * @returns {Promise<Blob | null>}
 */
export async function takePicture(root) {
  const dialog = findDialog(root, "webcam");
  const video = find(dialog, "[data-video]", HTMLVideoElement);
  const stream = await openWebcam();
  video.srcObject = stream;
  video.play();
  dialog.showModal();
  const take = find(dialog, "[data-dialog-apply]", HTMLButtonElement);
  const taken = await new Promise((resolve) => {
    take.onclick = () => resolve(true);
    closerOf(dialog).onclick = () => resolve(false);
    dialog.oncancel = () => resolve(false);
  });
  const canvas = make("canvas", { width: video.videoWidth || 1, height: video.videoHeight || 1 });
  if (taken) canvas.getContext("2d")?.drawImage(video, 0, 0);
  for (const track of stream.getTracks()) track.stop();
  video.srcObject = null;
  dialog.close();
  if (!taken) return null;
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}
