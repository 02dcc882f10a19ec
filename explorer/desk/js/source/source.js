// Where the picture comes from: a file (click, drop, paste, webcam), a test picture, the prior.

import { DeskError } from "../live/transport.js";
import { bytesToBase64, make, randomSeed, setHidden, setText } from "../tools.js";
import { makeCrop } from "./crop.js";
import { takePicture } from "./dialogs.js";
import { makeGallery } from "./gallery.js";

const MOST_BYTES = 32 * 1024 * 1024;

// `acts` are {file(name, base64), refer(ref), resize(side), text(pasted), failed(error)}.
export function makeSource(root, acts) {
  const find = (name) => root.querySelector(`[data-${name}]`);
  const file = find("file");
  const invert = find("invert");
  let ref = null;
  let fresh = false; // another picture was asked for, not another part of this one
  const choose = (next) => {
    fresh = true;
    acts.refer(next);
  };
  const gallery = makeGallery(root, (index) => choose({ kind: "example", index }));
  const crop = makeCrop(root, (next) => acts.refer({ ...ref, crop: next }));

  async function take(blob, name) {
    if (blob.size > MOST_BYTES) {
      const size = Math.round(blob.size / 1048576);
      acts.failed(new DeskError(`${name} is ${size} MiB; a picture may have at most 32 MiB. `
        + "Save it smaller and try again.", "bad_input"));
      return;
    }
    const bytes = new Uint8Array(await blob.arrayBuffer());
    fresh = true;
    acts.file(name, bytesToBase64(bytes));
  }

  function awake() {
    return root.isConnected && root.offsetParent !== null;
  }

  root.querySelector('[data-action="upload"]').addEventListener("click", () => file.click());
  file.addEventListener("change", () => {
    if (file.files.length) take(file.files[0], file.files[0].name);
    file.value = "";
  });
  root.querySelector('[data-action="webcam"]').addEventListener("click", async () => {
    try {
      const picture = await takePicture(root);
      if (picture) take(picture, "webcam.png");
    } catch (error) {
      acts.failed(error);
    }
  });
  root.querySelector('[data-action="surprise"]').addEventListener("click", () => {
    choose({ kind: "sample", seed: randomSeed() });
  });

  let inside = 0;
  root.addEventListener("dragenter", (event) => {
    if (!event.dataTransfer.types.includes("Files")) return;
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
    const dropped = event.dataTransfer.files[0];
    if (dropped) take(dropped, dropped.name);
  });

  function pasted(event) {
    if (!root.isConnected) {
      document.removeEventListener("paste", pasted);
      return;
    }
    const typing = document.activeElement
      && document.activeElement.matches("textarea, input:not([type=range]):not([type=checkbox])");
    if (!awake() || typing || !event.clipboardData) return;
    const picture = event.clipboardData.files[0];
    const text = event.clipboardData.getData("text");
    if (picture) take(picture, picture.name || "the pasted picture");
    else if (text.trim().startsWith("{")) acts.text(text);
    else return;
    event.preventDefault();
  }
  document.addEventListener("paste", pasted);

  invert.addEventListener("change", () => acts.refer({ ...ref, invert: invert.checked }));

  function showInvert(source) {
    find("invert-row").hidden = !source || !source.grey;
    if (!source || !source.grey) return;
    invert.checked = source.invert;
    const suggested = source.suggest_invert
      ? source.invert ? "as suggested: it was dark on light" : "suggested: it looks dark on light"
      : "";
    setText(find("invert-hint"), suggested);
  }

  // The sides that the picture can be opened at, where the model takes several.
  function showSides(sides) {
    setHidden(find("sides-row"), !sides);
    if (!sides) return;
    find("sides").replaceChildren(...sides.offered.map((side) => make("button", {
      type: "button", "data-side": side, "aria-pressed": String(side === sides.now),
      title: `${side} × ${side} pixels`,
      onclick: () => { if (side !== sides.now) acts.resize(side); },
    }, String(side))));
  }

  function nameIt(place) {
    if (place.kind === "example") return `test picture ${place.index + 1}`;
    return place.kind === "sample" ? `prior · seed ${place.seed}` : "your upload";
  }

  return {
    show(answer) {
      ref = answer.ref;
      gallery.build(answer.model, answer.examples);
      gallery.mark(ref);
      if (answer.source) crop.show(answer.source);
      else crop.hide();
      showInvert(answer.source);
      showSides(answer.sides);
      setText(find("source-name"), nameIt(ref));
      // On a phone the picture is above what chose it: go and see it.
      if (fresh && root.classList.contains("scrolled")) root.scrollIntoView({ block: "start" });
      fresh = false;
    },
  };
}
