// The list of models, grouped, and looked up again whenever somebody reaches for it.

import { find, make, setText } from "../dom.js";

/** @import { Transport } from "../live/transport.js" */
/** @import { Model, ModelEntry } from "../types.js" */
/** @typedef {ReturnType<typeof makeModels>} Models */

const GROUPS = { bundled: "Bundled", runs: "Your runs", given: "Given" };

/** @param {ModelEntry} entry */
function optionOf(entry) {
  return make("option", { value: entry.id, title: entry.error || entry.summary },
    entry.error ? `${entry.title} (cannot be opened)` : entry.title);
}

/**
 * @param {HTMLElement} root
 * @param {Transport} transport
 * @param {(id: string) => void} choose
 */
export function makeModels(root, transport, choose) {
  const select = find(root, "[data-model]", HTMLSelectElement);
  const summary = find(root, "[data-summary]", HTMLElement);
  let known = "";
  /** @type {string | null} */
  let current = null;
  /** @type {ReturnType<typeof ask> | null} */
  let looking = null;

  const ask = () => transport.call("models", {});

  /** @param {ModelEntry[]} list */
  function fill(list) {
    const groups = [];
    for (const [group, title] of Object.entries(GROUPS)) {
      const entries = list.filter((entry) => entry.group === group);
      if (entries.length) groups.push(make("optgroup", { label: title }, ...entries.map(optionOf)));
    }
    select.replaceChildren(...groups);
    if (current) select.value = current;
  }

  /** Resolves to the server's answer; the select changes only if the list did. */
  async function refresh() {
    looking ??= ask();
    try {
      const answer = await looking;
      const now = JSON.stringify(answer.models);
      if (now !== known) {
        known = now;
        fill(answer.models);
      }
      return answer;
    } finally {
      looking = null;
    }
  }

  const lookAgain = () => refresh().catch(() => null);
  select.addEventListener("focus", lookAgain);
  select.addEventListener("pointerenter", lookAgain);
  select.addEventListener("change", () => choose(select.value));

  return {
    refresh,
    /** Back to the model that is open, after one could not be. */
    restore() {
      if (current) select.value = current;
    },
    /** @param {Model} model */
    show(model) {
      current = model.id;
      if (![...select.options].some((node) => node.value === model.id)) {
        select.append(make("option", { value: model.id }, model.title));
      }
      select.value = model.id;
      setText(summary, model.summary || "");
    },
  };
}

/**
 * @param {HTMLElement} root
 * @param {(id: string | undefined) => void} heard gets the id of each model that the Train tab
 *   makes, while the desk is in the page; undefined where it is not to be opened
 */
export function watchNewModels(root, heard) {
  /** @param {Event} event */
  function announced(event) {
    if (!root.isConnected) window.removeEventListener("strata:models", announced);
    else heard(event instanceof CustomEvent ? event.detail?.id : undefined);
  }
  window.addEventListener("strata:models", announced);
}
