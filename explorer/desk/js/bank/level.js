// One level of the bank: a card with the policy of z_t and a slider per live axis.

import { WHOLE, levelDiffers, placeOfEdit } from "../recipe/edits.js";
import { make, nameOf, sameItems, setHidden, setText } from "../tools.js";
import { makeAxis } from "./axis.js";
import { imageOf, makeLocal } from "./local.js";
import { aboveOf, makePolicy } from "./policy.js";

const FEW = 12;
const KINDS = ["coordinate", "component"];
export const LOCAL = "local"; // found at the image, when they are asked for

// The kinds of axes of a level that it has any of, those to begin with first: of a level with
// places the components of its channels, since one channel alone rarely means anything.
export function kindsOf(level) {
  const kinds = level.map ? [...KINDS].reverse() : KINDS;
  return kinds.filter((kind) => level.axes[kind].length > 0).concat(level.local ? [LOCAL] : []);
}

export const hasAxes = (level) => KINDS.some((kind) => level.axes[kind].length > 0);

export function kindName(level, kind) {
  if (kind === LOCAL) return "Local";
  if (kind === "component") return level.fields ? "Waves" : "Components";
  return level.map ? "Channels" : "Units";
}

function kindHint(level, kind) {
  const things = level.map ? "places" : "images";
  if (kind === LOCAL) {
    return "Found at this very picture: the small steps that move it most. The number is by how "
      + "much a pixel moves at one σ (from 0, black, to 1, white; RMS)";
  }
  if (kind === "component" && level.fields) {
    return "Broad waves of light and dark over the whole picture, the most telling first";
  }
  if (kind === "component") {
    return `Principal components: directions in which ${things} differ most, together`;
  }
  return level.map ? "One channel of the level each, the most telling first"
    : "One number of the level each, the most telling first";
}

function roleOf(level, depth) {
  if (depth === 1) return "the only level";
  if (level.t === depth) return "top: the broad idea";
  if (level.t === 1) return "bottom: next to the pixels";
  return level.markov ? `drawn from ${nameOf(level.t + 1)}` : "drawn from all above";
}

function countUnits(level) {
  const folded = level.dead ? `, ${level.dead} inactive folded away` : "";
  if (!level.map) return `${level.size} ${level.size === 1 ? "unit" : "units"}${folded}`;
  const many = level.size === 1 ? "channel" : "channels";
  return `${level.size} ${many} of ${level.map.join("×")} places${folded}`;
}

// What the sliders of a level move while a region is active.
function whereWords(level, region) {
  if (!region) return null;
  if (!level.map) return { text: "whole picture", title: "This level is a vector: it has no "
    + "places, so its sliders move the whole picture whatever region is chosen" };
  return { text: `✎ ${region}`, title: `These sliders move ${region} only` };
}

// The card. `view` remembers {kind, all, folded} of this level while the page is open;
// `isStart(level, kind, index)` tells the slider to start with.
export function makeLevel(level, depth, isStart, view, acts) {
  const name = nameOf(level.t);
  const badge = make("span", { class: "badge", hidden: true });
  const where = make("span", { class: "where", "data-where": level.t, hidden: true });
  const grid = make("div", { class: "sliders", id: `strata-sliders-${level.t}` });
  const reason = make("p", { class: "reason", hidden: true });
  const more = make("button", { type: "button", class: "ghost more", "data-action": "show-all" });
  const policy = makePolicy({
    id: level.t, levels: [level.t], name, above: aboveOf(level, depth), markov: level.markov,
  }, acts);
  const reset = make("button", {
    type: "button", class: "ghost", "data-action": "reset-level", "data-level": level.t,
    disabled: true, "aria-label": `Reset ${name}`,
  }, "Reset");
  const fold = make("button", {
    type: "button", class: "fold", "data-action": "fold", "data-level": level.t,
    "aria-controls": grid.id,
  }, make("b", {}, name), make("span", { class: "fine" }, roleOf(level, depth)), badge, where);
  const kinds = kindsOf(level);
  const tabs = kinds.map((kind) => make("button", {
    type: "button", "data-action": "kind", "data-axes": kind,
    title: kindHint(level, kind), onclick: () => { view.kind = kind; local.again(); fill(); },
  }, kindName(level, kind)));
  const body = make("div", { class: "level-body" },
    make("div", { class: "controls" }, policy.node, reset), reason, grid,
    make("div", { class: "level-foot" },
      make("span", { class: "fine" }, countUnits(level)), more));
  const node = make("section", {
    class: "level", "data-level-card": level.t, style: `--hue: ${level.hue}`,
    "aria-label": `Level ${name}`,
  }, make("header", {}, fold,
    make("div", { class: "segmented", role: "group", "aria-label": `Axes of ${name}` }, ...tabs)),
  body);
  let axes = [];
  let drawn = { edits: [], policy: null, place: WHOLE, region: null, image: null };
  let why = null;
  const local = makeLocal(acts.local, level.t, () => fill());

  // The axes of the chosen kind, and what is said where there are none.
  function chosen() {
    if (view.kind !== LOCAL) {
      return { all: level.axes[view.kind], none: "No active axes at this level." };
    }
    return view.folded ? { all: [], none: "" } : local.at(drawn.image);
  }

  function fill() {
    if (!kinds.includes(view.kind)) view.kind = kinds[0] || "coordinate";
    const { all, none } = chosen();
    const shown = view.folded ? [] : view.all ? all : all.slice(0, FEW);
    axes = shown.map((axis) => makeAxis(level, view.kind, axis,
      isStart(level.t, view.kind, axis.index), acts));
    grid.replaceChildren(...axes.map((axis) => axis.node));
    if (!all.length) grid.append(make("p", { class: "fine", role: "status" }, none));
    more.hidden = all.length <= FEW;
    setText(more, view.all ? `Show the first ${FEW}` : `Show all ${all.length}`);
    tabs.forEach((tab) => tab.setAttribute("aria-pressed", tab.dataset.axes === view.kind));
    node.classList.toggle("folded", view.folded);
    fold.setAttribute("aria-expanded", String(!view.folded));
    draw();
    shadow(why);
  }

  function draw() {
    const mine = new Map();
    for (const edit of drawn.edits) {
      const [, kind, index, sigma] = edit;
      if (kind === view.kind && placeOfEdit(edit) === drawn.place) mine.set(index, sigma);
    }
    for (const axis of axes) axis.show(mine.get(axis.index) || 0);
    const count = drawn.edits.length;
    setHidden(badge, count === 0);
    const hidden = view.folded ? 0 : count - axes.filter((axis) => mine.has(axis.index)).length;
    const aside = hidden ? `, ${hidden} not shown` : "";
    setText(badge, `${count} ${count === 1 ? "edit" : "edits"}${aside}`);
  }

  // Draws what differs from what is drawn, and tells whether anything did. An edit or a policy
  // that did not change is the same value in the next recipe, so most levels end here at once.
  function sync(recipe) {
    const { place, region } = acts.where(level.t);
    const edits = recipe.edits.filter((edit) => edit[0] === level.t);
    const now = recipe.policies[level.t - 1];
    const samePolicy = now === drawn.policy;
    const sameWhere = place === drawn.place && region === drawn.region;
    const image = imageOf(recipe);
    const sameImage = image === drawn.image;
    if (samePolicy && sameWhere && sameImage && sameItems(edits, drawn.edits)) return false;
    drawn = { edits, policy: now, place, region, image };
    if (!sameImage && view.kind === LOCAL) fill();
    const words = whereWords(level, region);
    setHidden(where, !words);
    if (words) {
      setText(where, words.text);
      where.title = words.title;
    }
    if (!samePolicy) policy.show(now);
    reset.disabled = !levelDiffers(recipe, level.t);
    draw();
    return true;
  }

  function shadow(text) {
    why = text || null;
    node.classList.toggle("shadowed", Boolean(why));
    setHidden(reason, !why);
    setText(reason, why || "");
    for (const axis of axes) axis.input.disabled = Boolean(why);
  }

  more.addEventListener("click", () => { view.all = !view.all; fill(); });
  fold.addEventListener("click", () => {
    view.folded = !view.folded;
    fill();
    acts.shown();
  });
  reset.addEventListener("click", () => acts.reset([level.t]));
  fill();
  return {
    node,
    sync,
    folded: () => view.folded,
    shadow: (reasons) => shadow(reasons[String(level.t)]),
    offered: () => axes.map((axis) => [level.t, view.kind, axis.index]),
    // Shows the axes of a kind, whatever was chosen.
    unfold({ kind }) {
      Object.assign(view, { kind, folded: false });
      fill();
    },
  };
}
