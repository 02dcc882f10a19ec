// Files that are dropped on the desk, and what is pasted while it is in sight.

const TYPING = "textarea, input:not([type=range]):not([type=checkbox])";

/**
 * @param {HTMLElement} root
 * @param {(file: File) => void} take
 */
export function watchDrops(root, take) {
  let inside = 0;
  root.addEventListener("dragenter", (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    inside += 1;
    root.classList.add("dropping");
    event.preventDefault();
  });
  root.addEventListener("dragleave", () => {
    inside = Math.max(0, inside - 1);
    if (!inside) root.classList.remove("dropping");
  });
  root.addEventListener("dragover", (event) => event.preventDefault());
  root.addEventListener("drop", (event) => {
    event.preventDefault();
    inside = 0;
    root.classList.remove("dropping");
    const dropped = event.dataTransfer?.files[0];
    if (dropped) take(dropped);
  });
}

/**
 * @param {HTMLElement} root
 * @param {(file: File) => void} take
 * @param {(text: string) => void} read takes text that begins as JSON does
 */
export function watchPastes(root, take, read) {
  /** @param {ClipboardEvent} event */
  function pasted(event) {
    if (!root.isConnected) {
      document.removeEventListener("paste", pasted);
      return;
    }
    const typing = document.activeElement?.matches(TYPING);
    if (root.offsetParent === null || typing || !event.clipboardData) return;
    const picture = event.clipboardData.files[0];
    const text = event.clipboardData.getData("text");
    if (picture) take(picture);
    else if (text.trim().startsWith("{")) read(text);
    else return;
    event.preventDefault();
  }
  document.addEventListener("paste", pasted);
}
