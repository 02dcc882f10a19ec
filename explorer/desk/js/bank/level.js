// One level of the bank: a card with the policy of z_t and a slider per live axis.

import { make, setHidden, setText } from "../dom.js";
import { levelDiffers } from "../recipe/edits.js";
import { sameRegion } from "../recipe/regions.js";
import { sameItems } from "../values.js";
import { counted, nameOf } from "../words.js";
import { makeAxis } from "./axis.js";
import { axesOf, countUnits, kindHint, kindName, kindsOf, roleOf, whereWords } from "./kinds.js";
import { imageOf, makeLocal } from "./local.js";
import { aboveOf, makePolicy } from "./policy.js";

/** @import { AxisId, Edit, HuedLevel, Kind, Policy, Reasons, Recipe, Region } from "../types.js" */
/** @import { BankActions } from "./bank.js" */
/** @typedef {ReturnType<typeof makeLevel>} LevelCard */

const FEW = 12; // sliders that are shown at first

/**
 * What is remembered of a level while the page is open.
 * @typedef {{ kind: Kind, all: boolean, folded: boolean }} View
 */

/**
 * What is drawn of a recipe.
 * @typedef {object} Drawn
 * @property {Edit[]} edits
 * @property {Policy | null} policy
 * @property {Region | null} region what the sliders move; null for the whole picture
 * @property {string | null} name what the region is called
 * @property {string | null} image
 */

/**
 * The elements of a card.
 * @param {HuedLevel} level
 * @param {number} depth
 * @param {HTMLElement} policy
 * @param {HTMLElement[]} tabs
 */
function makeParts(level, depth, policy, tabs) {
  const name = nameOf(level.t);
  const badge = make("span", { class: "badge", hidden: true });
  const where = make("span", { class: "where", "data-where": level.t, hidden: true });
  const grid = make("div", { class: "sliders", id: `strata-sliders-${level.t}` });
  const reason = make("p", { class: "reason", hidden: true });
  const more = make("button", { type: "button", class: "ghost more", "data-action": "show-all" });
  const reset = make("button", {
    type: "button", class: "ghost", "data-action": "reset-level", "data-level": level.t,
    disabled: true, "aria-label": `Reset ${name}`,
  }, "Reset");
  const fold = make("button", {
    type: "button", class: "fold", "data-action": "fold", "data-level": level.t,
    "aria-controls": grid.id,
  }, make("b", {}, name), make("span", { class: "fine" }, roleOf(level, depth)), badge, where);
  const body = make("div", { class: "level-body" },
    make("div", { class: "controls" }, policy, reset), reason, grid,
    make("div", { class: "level-foot" },
      make("span", { class: "fine" }, countUnits(level)), more));
  const node = make("section", {
    class: "level", "data-level-card": level.t, style: `--hue: ${level.hue}`,
    "aria-label": `Level ${name}`,
  }, make("header", {}, fold,
    make("div", { class: "segmented", role: "group", "aria-label": `Axes of ${name}` }, ...tabs)),
  body);
  return { node, badge, where, grid, reason, more, reset, fold };
}

/**
 * @param {HuedLevel} level
 * @param {number} depth
 * @param {(axis: AxisId) => boolean} isStart tells the slider to start with
 * @param {View} view
 * @param {BankActions} actions
 */
export function makeLevel(level, depth, isStart, view, actions) {
  const { t } = level;
  const policy = makePolicy({ id: t, levels: [t], name: nameOf(t), above: aboveOf(level, depth),
    markov: level.markov }, actions);
  const kinds = kindsOf(level);
  const tabs = kinds.map((kind) => make("button", {
    type: "button", "data-action": "kind", "data-axes": kind,
    title: kindHint(level, kind), onclick: () => { view.kind = kind; local.again(); fill(); },
  }, kindName(level, kind)));
  const parts = makeParts(level, depth, policy.node, tabs);
  /** @type {ReturnType<typeof makeAxis>[]} */
  let axes = [];
  /** @type {Drawn} */
  let drawn = { edits: [], policy: null, region: null, name: null, image: null };
  /** @type {string | null} */
  let why = null; // its sliders can do nothing
  const local = makeLocal(actions.local, t, () => fill());

  /** The axes of the chosen kind, and what is said where there are none. */
  function chosen() {
    if (view.kind !== "local") {
      return { all: axesOf(level, view.kind), none: "No active axes at this level." };
    }
    return view.folded ? { all: [], none: "" } : local.at(drawn.image);
  }

  function fill() {
    if (!kinds.includes(view.kind)) view.kind = kinds[0] || "coordinate";
    const { kind } = view;
    const { all, none } = chosen();
    const shown = view.folded ? [] : view.all ? all : all.slice(0, FEW);
    axes = shown.map((axis) => makeAxis(level, kind, axis,
      isStart({ level: t, kind, index: axis.index }), actions));
    parts.grid.replaceChildren(...axes.map((axis) => axis.node));
    if (!all.length) parts.grid.append(make("p", { class: "fine", role: "status" }, none));
    parts.more.hidden = all.length <= FEW;
    setText(parts.more, view.all ? `Show the first ${FEW}` : `Show all ${all.length}`);
    tabs.forEach((tab, at) => tab.setAttribute("aria-pressed", String(kinds[at] === kind)));
    parts.node.classList.toggle("folded", view.folded);
    parts.fold.setAttribute("aria-expanded", String(!view.folded));
    draw();
    shadow(why);
  }

  function draw() {
    const mine = new Map(drawn.edits
      .filter((edit) => edit.kind === view.kind && sameRegion(edit.region, drawn.region))
      .map((edit) => [edit.index, edit.sigma]));
    for (const axis of axes) axis.show(mine.get(axis.index) || 0);
    const count = drawn.edits.length;
    setHidden(parts.badge, count === 0);
    const hidden = view.folded ? 0 : count - axes.filter((axis) => mine.has(axis.index)).length;
    const aside = hidden ? `, ${hidden} not shown` : "";
    setText(parts.badge, counted(count, "edit") + aside);
  }

  /**
   * Draws what differs from what is drawn, and tells whether anything did. An edit or a policy
   * that did not change is the same value in the next recipe, so most levels end here at once.
   * @param {Recipe} recipe
   */
  function sync(recipe) {
    const { region, name } = actions.where(t);
    const edits = recipe.edits.filter((edit) => edit.level === t);
    const now = recipe.policies[t - 1];
    const samePolicy = now === drawn.policy;
    const sameWhere = sameRegion(region, drawn.region) && name === drawn.name;
    const image = imageOf(recipe);
    const sameImage = image === drawn.image;
    if (samePolicy && sameWhere && sameImage && sameItems(edits, drawn.edits)) return false;
    drawn = { edits, policy: now, region, name, image };
    if (!sameImage && view.kind === "local") fill();
    const words = whereWords(level, name);
    setHidden(parts.where, !words);
    if (words) {
      setText(parts.where, words.text);
      parts.where.title = words.title;
    }
    if (!samePolicy) policy.show(now);
    parts.reset.disabled = !levelDiffers(recipe, t);
    draw();
    return true;
  }

  /** @param {string | null} text */
  function shadow(text) {
    why = text;
    parts.node.classList.toggle("shadowed", Boolean(why));
    setHidden(parts.reason, !why);
    setText(parts.reason, why || "");
    for (const axis of axes) axis.input.disabled = Boolean(why);
  }

  parts.more.addEventListener("click", () => { view.all = !view.all; fill(); });
  parts.fold.addEventListener("click", () => {
    view.folded = !view.folded;
    fill();
    actions.shown();
  });
  parts.reset.addEventListener("click", () => actions.reset([t]));
  fill();
  return {
    node: parts.node,
    sync,
    isFolded: () => view.folded,
    /** @param {Reasons} reasons */
    shadow: (reasons) => shadow(reasons[String(t)] || null),
    /** The sliders that stand here. */
    offered: () => axes.map(({ index }) => ({ level: t, kind: view.kind, index })),
    /**
     * Shows the axes of a kind, whatever was chosen.
     * @param {AxisId} axis
     */
    unfold({ kind }) {
      Object.assign(view, { kind, folded: false });
      fill();
    },
  };
}
