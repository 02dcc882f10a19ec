// A group of the bank: a header for all levels of one resolution and, while it is open, their
// cards.

import { levelDiffers } from "../recipe/edits.js";
import { make, sameItems, setHidden, setText } from "../tools.js";
import { aboveOf, commonPolicy, makePolicy } from "./policy.js";

export const UNFOLDED = 3; // cards of a group that begin unfolded, of those with live axes

// `view` remembers {open} of this group while the page is open; `build(level)` makes a card.
export function makeGroup(row, depth, view, build, acts) {
  const { t, levels, name, span } = row;
  const subscripts = levels.map((level) => level.t);
  const top = subscripts[0];
  const badge = make("span", { class: "badge", hidden: true });
  const body = make("div", { class: "group-body", id: `strata-group-${t}` });
  const policy = makePolicy({
    id: `group-${t}`, levels: subscripts, name: `all of ${name}`, markov: levels[0].markov,
    above: levels.length > 1 ? "all above" : aboveOf(levels[0], depth),
  }, acts);
  const reset = make("button", {
    type: "button", class: "ghost", "data-action": "reset-group", "data-group": t,
    disabled: true, "aria-label": `Reset all of ${name}`,
    onclick: () => acts.reset(subscripts),
  }, "Reset");
  const count = `${levels.length} ${levels.length === 1 ? "level" : "levels"}`;
  const fold = make("button", {
    type: "button", class: "fold", "data-action": "open-group", "data-group": t,
    "aria-controls": body.id, onclick: () => { view.open = !view.open; fill(); acts.shown(); },
  }, make("b", {}, name), badge, make("span", { class: "fine" }, `${span} · ${count}`));
  const node = make("section", {
    class: "group", "data-group-card": t, style: `--hue: ${row.hue}`,
    "aria-label": `${name}, ${span}`,
  }, make("header", {}, fold, policy.node, reset), body);
  let cards = [];
  let recipe = null;
  let reasons = {};
  let drawn = { edits: [], policies: [] };

  function fill() {
    cards = view.open ? levels.map(build) : [];
    body.replaceChildren(...cards.map((card) => card.node));
    node.classList.toggle("closed", !view.open);
    fold.setAttribute("aria-expanded", String(view.open));
    for (const card of cards) if (recipe) card.sync(recipe);
    shadow(reasons);
  }

  // Draws what differs from what is drawn, and tells whether anything of the group itself did.
  function sync(next) {
    recipe = next;
    for (const card of cards) card.sync(next);
    const edits = next.edits.filter(([level]) => level >= t && level <= top);
    const policies = next.policies.slice(t - 1, top);
    if (sameItems(edits, drawn.edits) && sameItems(policies, drawn.policies)) return false;
    drawn = { edits, policies };
    setHidden(badge, edits.length === 0);
    setText(badge, `${edits.length} ${edits.length === 1 ? "edit" : "edits"}`);
    policy.show(commonPolicy(policies));
    reset.disabled = !subscripts.some((level) => levelDiffers(next, level));
    return true;
  }

  function shadow(next) {
    reasons = next;
    for (const card of cards) card.shadow(next);
  }

  function shown() {
    return levels.filter((level, at) => view.open && !cards[at].folded());
  }

  function open() {
    if (!view.open) fold.click();
  }

  const offered = () => cards.flatMap((card) => card.offered());

  function unfold(start) {
    open();
    cards[levels.findIndex((level) => level.t === start.level)].unfold(start);
  }

  fill();
  return { row, node, sync, shadow, open, shown, offered, unfold };
}
