// Where the picture comes from: a file (click, drop, paste, webcam), a test picture, the prior.

import { find, findButton, make, setHidden, setText } from "../dom.js";
import { DeskError } from "../errors.js";
import { bytesToBase64, randomSeed } from "../values.js";
import { makeCrop } from "./crop.js";
import { takePicture } from "./dialogs.js";
import { watchDrops, watchPastes } from "./drops.js";
import { makeGallery } from "./gallery.js";

/** @import { Opened, Ref, Sides, Source } from "../types.js" */

const MOST_BYTES = 32 * 1024 * 1024;

/**
 * @param {HTMLElement} root
 * @param {object} actions
 * @param {(name: string, data: string) => void} actions.file takes a file in base64
 * @param {(ref: Ref) => void} actions.refer
 * @param {(side: number) => void} actions.resize
 * @param {(text: string) => void} actions.text takes what may be a recipe
 * @param {(error: unknown) => void} actions.failed
 */
export function makeSource(root, actions) {
  const file = find(root, "[data-file]", HTMLInputElement);
  const invert = find(root, "[data-invert]", HTMLInputElement);
  const sidesNode = find(root, "[data-sides]", HTMLElement);
  /** @type {Ref | null} */
  let ref = null;
  let fresh = false; // another picture was asked for, not another part of this one
  const gallery = makeGallery(root, (index) => choose({ kind: "example", index }));
  const crop = makeCrop(root, (next) => amend({ crop: next }));

  /** @param {Ref} next */
  function choose(next) {
    fresh = true;
    actions.refer(next);
  }

  /** @param {{ crop: import("../types.js").Crop } | { invert: boolean }} part of the upload's */
  function amend(part) {
    if (ref?.kind === "upload") actions.refer({ ...ref, ...part });
  }

  /**
   * @param {Blob} blob
   * @param {string} name
   */
  async function take(blob, name) {
    if (blob.size > MOST_BYTES) {
      const size = Math.round(blob.size / 1048576);
      actions.failed(new DeskError(`${name} is ${size} MiB; a picture may have at most 32 MiB. `
        + "Save it smaller and try again.", "bad_input"));
      return;
    }
    const bytes = new Uint8Array(await blob.arrayBuffer());
    fresh = true;
    actions.file(name, bytesToBase64(bytes));
  }

  findButton(root, "upload").addEventListener("click", () => file.click());
  file.addEventListener("change", () => {
    const chosen = file.files?.[0];
    if (chosen) take(chosen, chosen.name);
    file.value = "";
  });
  findButton(root, "webcam").addEventListener("click", async () => {
    try {
      const picture = await takePicture(root);
      if (picture) take(picture, "webcam.png");
    } catch (error) {
      actions.failed(error);
    }
  });
  findButton(root, "surprise").addEventListener("click", () => {
    choose({ kind: "sample", seed: randomSeed() });
  });
  watchDrops(root, (dropped) => take(dropped, dropped.name));
  watchPastes(root, (pasted) => take(pasted, pasted.name || "the pasted picture"), actions.text);
  invert.addEventListener("change", () => amend({ invert: invert.checked }));

  /** @param {Source | null} source */
  function showInvert(source) {
    find(root, "[data-invert-row]", HTMLElement).hidden = !source?.grey;
    if (!source?.grey) return;
    invert.checked = source.invert;
    const suggested = source.suggest_invert
      ? source.invert ? "as suggested: it was dark on light" : "suggested: it looks dark on light"
      : "";
    setText(find(root, "[data-invert-hint]", HTMLElement), suggested);
  }

  /**
   * The sides that the picture can be opened at, where the model takes several.
   * @param {Sides | null} sides
   */
  function showSides(sides) {
    setHidden(find(root, "[data-sides-row]", HTMLElement), !sides);
    if (!sides) return;
    sidesNode.replaceChildren(...sides.offered.map((side) => make("button", {
      type: "button", "data-side": side, "aria-pressed": String(side === sides.now),
      title: `${side} × ${side} pixels`,
      onclick: () => { if (side !== sides.now) actions.resize(side); },
    }, String(side))));
  }

  return {
    /** @param {Opened} answer */
    show(answer) {
      ref = answer.ref;
      gallery.build(answer.model, answer.examples);
      gallery.mark(ref);
      if (answer.source) crop.show(answer.source);
      else crop.hide();
      showInvert(answer.source);
      showSides(answer.sides);
      setText(find(root, "[data-source-name]", HTMLElement), nameOfSource(ref));
      // On a phone the picture is above what chose it: go and see it.
      if (fresh && root.classList.contains("scrolled")) root.scrollIntoView({ block: "start" });
      fresh = false;
    },
  };
}

/** @param {Ref} ref */
function nameOfSource(ref) {
  if (ref.kind === "example") return `test picture ${ref.index + 1}`;
  return ref.kind === "sample" ? `prior · seed ${ref.seed}` : "your upload";
}
