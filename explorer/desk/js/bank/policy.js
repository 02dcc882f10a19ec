// Where the levels come from once something above them has changed.

import { clamp, make, nameOf, randomSeed, setHidden, setText } from "../tools.js";
import { makeNudges } from "./nudge.js";

const MIXED = "mixed"; // where levels shown together differ
const POLICIES = { keep: "Keep", mean: "Mean", resample: "Resample", memory: "Memory", pin: "Pin" };

// What a policy does at z_t; `above` is the name of z_{t+1}, or null at the top.
function policyWords(kind, above) {
  if (kind === "resample") return "new detail";
  if (kind === "memory") return "a mix of own and new detail";
  if (!above) return kind === "mean" ? "the prior's mean, no image" : "as encoded from the image";
  return {
    keep: `own detail, added to what ${above} says`,
    mean: `only what ${above} says, no own detail`,
    pin: `as encoded, whatever ${above} says`,
  }[kind];
}

// What a level is drawn from, in short; null at the top.
export function aboveOf(level, depth) {
  if (level.t === depth) return null;
  const next = nameOf(level.t + 1);
  return level.markov || level.t + 1 === depth ? next : `${next} and up`;
}

// The policy of some levels with the controls that it needs. `id` tells it from others, `name`
// is what the levels are called, `above` what they are drawn from.
export function makePolicy({ id, levels, name, above, markov }, acts) {
  const allowed = Object.entries(POLICIES).filter(([kind]) => markov || kind !== "pin");
  const select = make("select", { "data-policy": id, "aria-label": `Policy of ${name}` },
    ...allowed.map(([kind, word]) =>
      make("option", { value: kind, title: policyWords(kind, above) }, word)));
  if (levels.length > 1) {
    select.prepend(make("option", { value: MIXED, disabled: true, hidden: true }, "Mixed"));
  }
  select.title = `Where ${name} comes from once something above it has changed`;
  const seed = make("input", {
    type: "number", min: 0, max: 2147483647, step: 1, class: "seed", "data-seed": id,
    placeholder: "mixed",
    title: "Seed: the same number draws the same detail again",
    "aria-label": `Seed of ${name}`,
  });
  const dice = make("button", {
    type: "button", class: "icon", "data-action": "dice", "data-level": id,
    title: "Another seed", "aria-label": `Another seed for ${name}`,
  }, "⚄");
  const rho = make("input", {
    type: "range", min: 0, max: 1, step: 0.05, class: "rho", "data-rho": id,
    "aria-label": `Memory ρ of ${name}: 1 keeps the image's own detail, 0 is all fresh`,
  });
  const rhoText = make("output", {});
  const rhoPart = make("label", { class: "rho-part", title: "Share of the image's own detail" },
    "ρ", rho, rhoText);
  const seedPart = make("span", { class: "seed-part" }, seed, dice);
  const says = make("span", { class: "fine says" });
  const node = make("div", { class: "policy" }, select, says, rhoPart, seedPart);

  // `next` makes the policy of a level of the one that it has.
  function send(next, key) {
    acts.policy(levels, next, key);
    if (!key) acts.release();
  }
  select.addEventListener("change", () => {
    const kind = select.value;
    const fresh = kind === "resample" || kind === "memory";
    const value = randomSeed();
    send(([, own]) => [kind, fresh ? own || value : 0, kind === "memory" ? 0.5 : 1], null);
  });
  seed.addEventListener("change", () => {
    const value = clamp(Math.round(Number(seed.value)) || 0, 0, 2147483647);
    send(([kind, , share]) => [kind, value, share], null);
  });
  dice.addEventListener("click", () => {
    const value = randomSeed();
    send(([kind, , share]) => [kind, value, share], null);
  });
  rho.addEventListener("input", () => {
    const value = Number(rho.value);
    send(([kind, own]) => [kind, own, value], `rho:${id}`);
  });
  rho.addEventListener("change", () => acts.release());
  makeNudges(rho, () => {});

  // Shows a policy; its kind is MIXED and its numbers are null where levels differ.
  function show([kind, seedNow, rhoNow]) {
    if (select.value !== kind) select.value = kind;
    if (document.activeElement !== seed || Number(seed.value) !== seedNow) seed.value = seedNow;
    if (rhoNow !== null && Number(rho.value) !== rhoNow) rho.value = rhoNow;
    setText(rhoText, rhoNow === null ? MIXED : rhoNow.toFixed(2));
    setHidden(rhoPart, kind !== "memory");
    setHidden(seedPart, kind !== "resample" && kind !== "memory");
    setHidden(says, kind === "memory");
    setText(says, kind === MIXED ? "" : policyWords(kind, above));
    says.title = says.textContent;
  }
  return { node, show };
}

// What policies have in common, [kind, seed, rho]: MIXED, or null, where they differ.
export function commonPolicy(policies) {
  const [first] = policies;
  const same = (at) => policies.every((policy) => policy[at] === first[at]);
  return [same(0) ? first[0] : MIXED, same(1) ? first[1] : null, same(2) ? first[2] : null];
}
