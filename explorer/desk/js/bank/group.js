// A group of the bank: a header for all levels of one resolution and, while it is open, their
// cards.

import { make, setHidden, setText } from "../dom.js";
import { levelDiffers } from "../recipe/edits.js";
import { sameItems } from "../values.js";
import { counted } from "../words.js";
import { aboveOf, commonPolicy, makePolicy } from "./policy.js";

/** @import { AxisId, Edit, HuedLevel, Policy, Reasons, Recipe, Row } from "../types.js" */
/** @import { BankActions } from "./bank.js" */
/** @import { LevelCard } from "./level.js" */

export const UNFOLDED = 3; // cards of a group that begin unfolded, of those with live axes

/**
 * The elements of a group.
 * @param {Row} row
 * @param {HTMLElement} policy
 */
function makeParts(row, policy) {
  const { t, levels, name, span } = row;
  const badge = make("span", { class: "badge", hidden: true });
  const body = make("div", { class: "group-body", id: `strata-group-${t}` });
  const reset = make("button", {
    type: "button", class: "ghost", "data-action": "reset-group", "data-group": t,
    disabled: true, "aria-label": `Reset all of ${name}`,
  }, "Reset");
  const fold = make("button", {
    type: "button", class: "fold", "data-action": "open-group", "data-group": t,
    "aria-controls": body.id,
  }, make("b", {}, name), badge,
  make("span", { class: "fine" }, `${span} · ${counted(levels.length, "level")}`));
  const node = make("section", {
    class: "group", "data-group-card": t, style: `--hue: ${row.hue}`,
    "aria-label": `${name}, ${span}`,
  }, make("header", {}, fold, policy, reset), body);
  return { node, badge, body, reset, fold };
}

/**
 * @param {Row} row
 * @param {number} depth
 * @param {{ open: boolean }} view what is remembered of this group while the page is open
 * @param {(level: HuedLevel) => LevelCard} build makes the card of a level
 * @param {BankActions} actions
 */
export function makeGroup(row, depth, view, build, actions) {
  const { t, levels, name } = row;
  const subscripts = levels.map((level) => level.t);
  const top = subscripts[0];
  const policy = makePolicy({
    id: `group-${t}`, levels: subscripts, name: `all of ${name}`, markov: levels[0].markov,
    above: levels.length > 1 ? "all above" : aboveOf(levels[0], depth),
  }, actions);
  const parts = makeParts(row, policy.node);
  /** @type {LevelCard[]} */
  let cards = [];
  /** @type {Recipe | null} */
  let recipe = null;
  /** @type {Reasons} */
  let reasons = {};
  /** @type {{ edits: Edit[], policies: Policy[] }} */
  let drawn = { edits: [], policies: [] };

  function fill() {
    cards = view.open ? levels.map(build) : [];
    parts.body.replaceChildren(...cards.map((card) => card.node));
    parts.node.classList.toggle("closed", !view.open);
    parts.fold.setAttribute("aria-expanded", String(view.open));
    for (const card of cards) if (recipe) card.sync(recipe);
    shadow(reasons);
  }

  /**
   * Draws what differs from what is drawn, and tells whether anything of the group itself did.
   * @param {Recipe} next
   */
  function sync(next) {
    recipe = next;
    for (const card of cards) card.sync(next);
    const edits = next.edits.filter(({ level }) => level >= t && level <= top);
    const policies = next.policies.slice(t - 1, top);
    if (sameItems(edits, drawn.edits) && sameItems(policies, drawn.policies)) return false;
    drawn = { edits, policies };
    setHidden(parts.badge, edits.length === 0);
    setText(parts.badge, counted(edits.length, "edit"));
    policy.show(commonPolicy(policies));
    parts.reset.disabled = !subscripts.some((level) => levelDiffers(next, level));
    return true;
  }

  /** @param {Reasons} next */
  function shadow(next) {
    reasons = next;
    for (const card of cards) card.shadow(next);
  }

  function open() {
    if (!view.open) parts.fold.click();
  }

  parts.fold.addEventListener("click", () => {
    view.open = !view.open;
    fill();
    actions.shown();
  });
  parts.reset.addEventListener("click", () => actions.reset(subscripts));
  fill();
  return {
    row, node: parts.node, sync, shadow, open,
    shown: () => levels.filter((_, at) => view.open && !cards[at].isFolded()),
    offered: () => cards.flatMap((card) => card.offered()),
    /** @param {AxisId} axis */
    unfold(axis) {
      open();
      cards[levels.findIndex((level) => level.t === axis.level)].unfold(axis);
    },
  };
}
