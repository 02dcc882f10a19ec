// Where the levels come from once something above them has changed.

import { make, setHidden, setText } from "../dom.js";
import { clamp, randomSeed } from "../values.js";
import { nameOf } from "../words.js";
import { makeNudges } from "./nudge.js";

/** @import { Level, Policy, PolicyKind } from "../types.js" */
/** @import { BankActions } from "./bank.js" */

const MIXED = "mixed"; // where levels shown together differ
const MOST_SEED = 2147483647;
/** @type {Record<PolicyKind, string>} */
const POLICIES = { keep: "Keep", mean: "Mean", resample: "Resample", memory: "Memory", pin: "Pin" };

/**
 * What policies have in common: MIXED, or null, where they differ.
 * @typedef {{ kind: PolicyKind | typeof MIXED, seed: number | null, rho: number | null }} Common
 */

/** @param {string} kind */
const isFresh = (kind) => kind === "resample" || kind === "memory";

/**
 * What a policy does at z_t.
 * @param {PolicyKind} kind
 * @param {string | null} above the name of z_{t+1}, or null at the top
 */
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

/**
 * What a level is drawn from, in short; null at the top.
 * @param {Level} level
 * @param {number} depth
 */
export function aboveOf(level, depth) {
  if (level.t === depth) return null;
  const next = nameOf(level.t + 1);
  return level.markov || level.t + 1 === depth ? next : `${next} and up`;
}

/**
 * @param {readonly Policy[]} policies
 * @returns {Common}
 */
export function commonPolicy(policies) {
  const [first] = policies;
  /** @template {keyof Policy} K @param {K} key */
  const isShared = (key) => policies.every((policy) => policy[key] === first[key]);
  return {
    kind: isShared("kind") ? first.kind : MIXED,
    seed: isShared("seed") ? first.seed : null,
    rho: isShared("rho") ? first.rho : null,
  };
}

/**
 * The levels that a policy is of.
 * @typedef {object} Subject
 * @property {string | number} id tells it from others
 * @property {readonly number[]} levels
 * @property {string} name what they are called
 * @property {string | null} above what they are drawn from
 * @property {boolean} markov
 */

/** @param {Subject} subject */
function makeSelect({ id, levels, name, above, markov }) {
  /** @type {PolicyKind[]} */
  const kinds = ["keep", "mean", "resample", "memory"];
  if (markov) kinds.push("pin");
  const select = make("select", { "data-policy": id, "aria-label": `Policy of ${name}` },
    ...kinds.map((kind) =>
      make("option", { value: kind, title: policyWords(kind, above) }, POLICIES[kind])));
  if (levels.length > 1) {
    select.prepend(make("option", { value: MIXED, disabled: true, hidden: true }, "Mixed"));
  }
  select.title = `Where ${name} comes from once something above it has changed`;
  return select;
}

/** @param {Subject} subject */
function makeSeed({ id, name }) {
  const seed = make("input", {
    type: "number", min: 0, max: MOST_SEED, step: 1, class: "seed", "data-seed": id,
    placeholder: "mixed",
    title: "Seed: the same number draws the same detail again",
    "aria-label": `Seed of ${name}`,
  });
  const dice = make("button", {
    type: "button", class: "icon", "data-action": "dice", "data-level": id,
    title: "Another seed", "aria-label": `Another seed for ${name}`,
  }, "⚄");
  return { seed, dice, node: make("span", { class: "seed-part" }, seed, dice) };
}

/** @param {Subject} subject */
function makeRho({ id, name }) {
  const rho = make("input", {
    type: "range", min: 0, max: 1, step: 0.05, class: "rho", "data-rho": id,
    "aria-label": `Memory ρ of ${name}: 1 keeps the image's own detail, 0 is all fresh`,
  });
  const text = make("output", {});
  const node = make("label", { class: "rho-part", title: "Share of the image's own detail" },
    "ρ", rho, text);
  makeNudges(rho);
  return { rho, text, node };
}

/**
 * The policy of some levels with the controls that it needs.
 * @param {Subject} subject
 * @param {BankActions} actions
 */
export function makePolicy(subject, actions) {
  const { id, levels, above } = subject;
  const select = makeSelect(subject);
  const { seed, dice, node: seedPart } = makeSeed(subject);
  const { rho, text: rhoText, node: rhoPart } = makeRho(subject);
  const says = make("span", { class: "fine says" });
  const node = make("div", { class: "policy" }, select, says, rhoPart, seedPart);

  /**
   * @param {(policy: Policy) => Policy} next makes the policy of a level of the one that it has
   * @param {string | null} key names the gesture that it is part of
   */
  function send(next, key) {
    actions.policy(levels, next, key);
    if (!key) actions.release();
  }
  const sendSeed = (/** @type {number} */ value) =>
    send((policy) => ({ ...policy, seed: value }), null);

  select.addEventListener("change", () => {
    const kind = /** @type {PolicyKind} */ (select.value);
    const other = randomSeed();
    send((policy) => ({
      kind, seed: isFresh(kind) ? policy.seed || other : 0, rho: kind === "memory" ? 0.5 : 1,
    }), null);
  });
  seed.addEventListener("change", () => {
    sendSeed(clamp(Math.round(Number(seed.value)) || 0, 0, MOST_SEED));
  });
  dice.addEventListener("click", () => sendSeed(randomSeed()));
  rho.addEventListener("input", () => {
    const value = Number(rho.value);
    send((policy) => ({ ...policy, rho: value }), `rho:${id}`);
  });
  rho.addEventListener("change", () => actions.release());

  /** @param {Common} now */
  function show(now) {
    if (select.value !== now.kind) select.value = now.kind;
    if (document.activeElement !== seed || Number(seed.value) !== now.seed) {
      seed.value = now.seed === null ? "" : String(now.seed);
    }
    if (now.rho !== null && Number(rho.value) !== now.rho) rho.value = String(now.rho);
    setText(rhoText, now.rho === null ? MIXED : now.rho.toFixed(2));
    setHidden(rhoPart, now.kind !== "memory");
    setHidden(seedPart, !isFresh(now.kind));
    setHidden(says, now.kind === "memory");
    setText(says, now.kind === MIXED ? "" : policyWords(now.kind, above));
    says.title = says.textContent ?? "";
  }
  return { node, show };
}
