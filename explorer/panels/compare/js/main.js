// The Compare tab in the page: what is chosen lives here, what is shown of it comes as HTML.
// The newest choice wins: what arrives for an older one is dropped.

import { makeLook } from "./look.js";
import { makeParts, put, travelRow } from "./parts.js";
import { makePerturbed } from "./perturbed.js";
import { makeRequests } from "./requests.js";

/** @import { Component } from "../../../page/component.js" */
/** @import { Choice, Offer } from "./requests.js" */

const SLOTS = [0, 1, 2, 3];
const SAMPLES = 6; // seeds that one look at a model takes

/**
 * Starts in the component that Gradio has put into the page.
 * @param {Component} component
 */
export function start({ element, server }) {
  /** @type {Choice} */
  let choice = { ids: [], image: { kind: "example", index: 0 }, seed: 0 };
  let turn = 0; // counts the choices
  let strip = ""; // whose test pictures are shown
  let works = 0; // looks and perturbations under way
  const parts = makeParts(element);
  const { find, part, say } = parts;
  const requests = makeRequests(server, () => choice);
  const perturbed = makePerturbed(parts, requests, { turn: () => turn, work });
  const look = makeLook(parts, requests, perturbed.redraw);

  /**
   * What it says of itself while something is still to come.
   * @param {number} more
   */
  function work(more) {
    works += more;
    element.firstElementChild?.setAttribute("aria-busy", String(works > 0));
  }

  /** The slots that hold a model. */
  const filled = () => SLOTS.slice(0, choice.ids.length);
  const selectOf = (/** @type {number} */ slot) =>
    find(`[data-slot="${slot}"]`, HTMLSelectElement);

  /**
   * Puts the models and all that belongs to them in their slots.
   * @param {Offer} offer
   * @returns {boolean} whether they are others than before
   */
  function place(offer) {
    const table = part("table");
    const others = choice.ids.join() !== (table.dataset.models || "");
    table.dataset.models = choice.ids.join();
    for (const slot of SLOTS) {
      const id = choice.ids[slot] || "";
      const select = selectOf(slot);
      select.innerHTML = offer.slots[slot];
      select.value = id;
      const node = part("card", slot);
      if (node.dataset.model === id) continue;
      node.dataset.model = id;
      node.innerHTML = offer.cards[slot];
      part("redrawn", slot).innerHTML = offer.redrawn[slot];
    }
    if (others) {
      part("bars").innerHTML = offer.bars;
      table.innerHTML = offer.table;
    }
    return others;
  }

  async function showStrip() {
    const [first] = choice.ids;
    if (first && strip !== first) {
      strip = first;
      await put(part("strip"), (await requests.html("strip")).html);
    }
    const chosen = choice.image.kind === "example" ? choice.image.index ?? 0 : -1;
    for (const node of element.querySelectorAll("[data-picture]")) {
      if (!(node instanceof HTMLElement)) continue;
      const at = Number(node.dataset.picture);
      node.setAttribute("aria-pressed", String(at === chosen));
      node.tabIndex = at === Math.max(0, chosen) ? 0 : -1;
    }
    part("which").textContent = chosen < 0 ? "your upload, the same for all models"
      : `test picture ${chosen + 1} of the first model, the same for all`;
  }

  /** @param {Partial<Choice>} change */
  async function begin(change) {
    choice = { ...choice, ...change };
    turn += 1;
    const mine = turn;
    const isFresh = () => mine === turn;
    say("message", "");
    work(1);
    try {
      const offer = await requests.offer();
      if (!isFresh()) return;
      choice = offer.choice;
      say("notice", offer.notice);
      const others = place(offer);
      await showStrip();
      if (isFresh()) await look(filled(), others, isFresh);
    } catch (error) {
      if (isFresh()) complain(error);
    } finally {
      work(-1);
    }
  }

  /** Models may have come meanwhile; what is shown stays. */
  async function refresh() {
    const mine = turn;
    const offer = await requests.offer().catch(() => null);
    if (offer && mine === turn && offer.choice.ids.join() === choice.ids.join()) place(offer);
  }

  /** @param {unknown} error */
  function complain(error) {
    say("message", error instanceof Error ? error.message : String(error));
  }

  // ---- what a person does ----

  element.addEventListener("change", ({ target }) => {
    if (target instanceof HTMLSelectElement && target.matches("[data-slot]")) {
      begin({ ids: SLOTS.map((slot) => selectOf(slot).value).filter(Boolean) });
    }
    if (target instanceof HTMLInputElement && target.matches("[data-file]")) {
      const file = target.files?.[0];
      target.value = "";
      if (file) take(file);
    }
  });

  /** @param {File} file */
  function take(file) {
    const reader = new FileReader();
    reader.onerror = () => say("message", `${file.name} cannot be read`);
    reader.onload = async () => {
      try {
        const { image, notice } = await requests.upload({ data: String(reader.result),
          name: file.name });
        begin({ image });
        say("notice", notice);
      } catch (error) {
        complain(error);
      }
    };
    reader.readAsDataURL(file);
  }

  element.addEventListener("click", ({ target }) => {
    const at = (/** @type {string} */ name) =>
      (target instanceof Element ? target.closest(`[data-${name}]`) : null);
    const picture = at("picture");
    if (picture instanceof HTMLElement) {
      begin({ image: { kind: "example", index: Number(picture.dataset.picture) } });
    }
    if (at("upload")) part("file").click();
    if (at("again")) begin({ seed: choice.seed + SAMPLES });
  });
  perturbed.watch(() => filled().forEach(perturbed.redraw));
  element.addEventListener("keydown", travelRow);

  // Nothing is asked for before somebody looks.
  let seen = false;
  new IntersectionObserver((entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    if (seen) refresh();
    else begin({});
    seen = true;
  }).observe(element);
}
