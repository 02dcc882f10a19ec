// The list of models, grouped, and looked up again whenever somebody reaches for it.

import { make, setText } from "../tools.js";

const GROUPS = { bundled: "Bundled", runs: "Your runs", given: "Given" };

export function makeModels(root, transport, choose) {
  const select = root.querySelector("[data-model]");
  const summary = root.querySelector("[data-summary]");
  let known = "";
  let current = null;
  let looking = null;

  function option(entry) {
    const node = make("option", { value: entry.id, title: entry.error || entry.summary },
      entry.error ? `${entry.title} (cannot be opened)` : entry.title);
    return node;
  }

  function fill(list) {
    const groups = [];
    for (const [group, title] of Object.entries(GROUPS)) {
      const entries = list.filter((entry) => entry.group === group);
      if (entries.length) groups.push(make("optgroup", { label: title }, ...entries.map(option)));
    }
    select.replaceChildren(...groups);
    if (current) select.value = current;
  }

  // Resolves to {models, default}; the select changes only if the list did.
  async function refresh() {
    looking = looking || transport.call("models", {});
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

  const glance = () => refresh().catch(() => null);
  select.addEventListener("focus", glance);
  select.addEventListener("pointerenter", glance);
  select.addEventListener("change", () => choose(select.value));

  return {
    refresh,
    // Back to the model that is open, after one could not be.
    restore() {
      if (current) select.value = current;
    },
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

// `heard` gets the id of each model that the Train tab makes, while the desk is in the page.
export function hearOfModels(root, heard) {
  function announced(event) {
    if (root.isConnected) heard(event.detail && event.detail.id);
    else window.removeEventListener("strata:models", announced);
  }
  window.addEventListener("strata:models", announced);
}
