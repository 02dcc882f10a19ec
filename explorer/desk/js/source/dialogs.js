// The dialogs: a recipe as text, the webcam, and the map of keys and gestures.

import { DeskError } from "../live/transport.js";
import { make, setText } from "../tools.js";

export function makeRecipeDialog(root) {
  const dialog = root.querySelector('[data-dialog="recipe"]');
  const says = dialog.querySelector("[data-dialog-text]");
  const text = dialog.querySelector("[data-recipe-text]");
  const problem = dialog.querySelector("[data-dialog-problem]");
  const apply = dialog.querySelector("[data-dialog-apply]");
  let work = null;

  function complain(message) {
    problem.hidden = !message;
    setText(problem, message || "");
  }

  dialog.querySelector("[data-dialog-close]").addEventListener("click", () => dialog.close());
  apply.addEventListener("click", async () => {
    apply.disabled = true;
    const message = await work(text.value);
    apply.disabled = false;
    if (message) complain(message);
    else dialog.close();
  });

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
    // For a browser that does not let a page write to the clipboard.
    show(recipe) {
      open("Copy this text (Ctrl+C). Pasted back, it makes the same picture.", recipe, true);
    },
    // `applied` takes the text and resolves to what is wrong with it, or null.
    ask(value, applied, wrong) {
      work = applied;
      open("Paste a recipe here (Ctrl+V) and apply it.", value, false);
      complain(wrong);
    },
  };
}

// Opened by its button or by ?, and closed by ? too.
export function makeKeyMap(root) {
  const dialog = root.querySelector('[data-dialog="keys"]');
  const open = () => dialog.showModal();

  root.querySelector('[data-action="keys"]').addEventListener("click", open);
  dialog.querySelector("[data-dialog-close]").addEventListener("click", () => dialog.close());
  dialog.addEventListener("keydown", (event) => {
    if (event.key !== "?") return;
    event.preventDefault(); // or the page would open it again
    if (!event.repeat) dialog.close();
  });
  return { open };
}

// Resolves to a picture as a Blob, or null if the person closed the dialog.
export async function takePicture(root) {
  const dialog = root.querySelector('[data-dialog="webcam"]');
  const video = dialog.querySelector("[data-video]");
  if (!navigator.mediaDevices || !navigator.mediaDevices.getUserMedia) {
    throw new DeskError("This page may not use a webcam: browsers allow it on localhost and "
      + "over https only. Upload a picture instead.", "webcam");
  }
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: true });
  } catch (problem) {
    throw new DeskError("The webcam could not be opened. Plug one in and allow this page to use "
      + "it, or upload a picture instead.", "webcam");
  }
  video.srcObject = stream;
  video.play();
  dialog.showModal();
  const take = dialog.querySelector("[data-dialog-apply]");
  const close = dialog.querySelector("[data-dialog-close]");
  const taken = await new Promise((resolve) => {
    take.onclick = () => resolve(true);
    close.onclick = () => resolve(false);
    dialog.oncancel = () => resolve(false);
  });
  const canvas = make("canvas", { width: video.videoWidth || 1, height: video.videoHeight || 1 });
  if (taken) canvas.getContext("2d").drawImage(video, 0, 0);
  for (const track of stream.getTracks()) track.stop();
  video.srcObject = null;
  dialog.close();
  if (!taken) return null;
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}
