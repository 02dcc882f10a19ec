// Beside the picture, for models with spatial levels: whether a drag moves axes or paints, which
// region the sliders move, and the brush. Painting over the whole picture begins a region.

import { makeNudges } from "../bank/nudge.js";
import { find, findButton, make, setHidden } from "../dom.js";
import { repainted } from "../recipe/edits.js";
import { MOST_REGIONS, PRESETS, activeRegion, canonicalRegion, regionAt, regionsOf }
  from "../recipe/regions.js";
import { makeBrush } from "./brush.js";
import { makeVeil } from "./veil.js";

/** @import { Brush, Place, Recipe, Region } from "../types.js" */

const BRUSH_STEP = 1.25; // by key

/**
 * What the bar asks and does.
 * @typedef {object} RegionActions
 * @property {() => Place | null} place the one that is open
 * @property {(next: { recipe: Recipe, brush: Brush }, key: string | null) => void} change
 * @property {(brush: Brush) => void} choose another active region, which is no step
 * @property {() => void} release
 * @property {(level: number) => boolean} isSpatial
 * @property {() => void} moded the hand does something else now
 * @property {(words: string) => void} say
 */

/**
 * @param {HTMLElement} root
 * @param {RegionActions} actions
 */
export function makeRegions(root, actions) {
  const stage = find(root, "[data-stage]", HTMLElement);
  const panel = find(root, "[data-pad]", HTMLElement);
  const handRow = find(root, "[data-hand-row]", HTMLElement);
  const chips = find(root, "[data-regions]", HTMLElement);
  const size = find(root, "[data-brush-size]", HTMLInputElement);
  const preset = find(root, "[data-brush-shape]", HTMLSelectElement);
  const [dragging, paints] = [findButton(root, "hand-drag"), findButton(root, "hand-paint")];
  const [brushTool, eraser] = [findButton(root, "brush"), findButton(root, "eraser")];
  const veil = makeVeil(root);
  let painting = false;
  let erase = false;
  let resting = true; // the hand is at the picture rather than at the sliders

  function region() {
    const place = actions.place();
    return place && activeRegion(place.brush);
  }

  function showVeil() {
    if (actions.place()) veil.show(region(), painting && resting);
  }

  /** @param {boolean} on */
  function setMode(on) {
    painting = on;
    stage.classList.toggle("painting", on);
    dragging.setAttribute("aria-pressed", String(!on));
    paints.setAttribute("aria-pressed", String(on));
    panel.classList.toggle("brushing", on);
    if (!on) veil.hideRing();
    actions.moded();
    showVeil();
  }

  /** @param {boolean} erasing */
  function setTool(erasing) {
    erase = erasing;
    brushTool.setAttribute("aria-pressed", String(!erase));
    eraser.setAttribute("aria-pressed", String(erase));
  }

  /**
   * @param {Region | null} next
   * @param {string | null} key names the stroke
   */
  function paint(next, key) {
    const place = actions.place();
    if (!place) return;
    const { recipe, brush } = place;
    if (next && brush.active < 0 && brush.regions.length >= MOST_REGIONS) {
      actions.say(`A recipe can hold ${MOST_REGIONS} regions. Choose one of them and paint there.`);
      return;
    }
    actions.change(repainted({ recipe, brush }, next), key);
  }

  /** @param {number} active */
  function choose(active) {
    const place = actions.place();
    if (!place || active === place.brush.active) return;
    const next = { ...place.brush, active };
    const now = activeRegion(place.brush);
    if (!now || regionAt(regionsOf(place.recipe.edits), now) >= 0) {
      actions.choose(next);
      return;
    }
    // A region under which nothing was moved goes: a step that undo takes back.
    actions.change({ recipe: place.recipe, brush: next }, null);
    actions.release();
  }

  makeBrush(root, veil, {
    isPainting: () => painting,
    region,
    tool: () => ({ radius: Number(size.value), erase }),
    paint,
    release: actions.release,
    say: actions.say,
    leave: () => choose(-1),
    resize(steps) {
      size.value = String(Math.round(Number(size.value) * BRUSH_STEP ** steps));
    },
  });
  dragging.addEventListener("click", () => setMode(false));
  paints.addEventListener("click", () => setMode(true));
  brushTool.addEventListener("click", () => setTool(false));
  eraser.addEventListener("click", () => setTool(true));
  makeNudges(size);
  preset.addEventListener("change", () => {
    const shape = PRESETS[preset.value];
    preset.value = "";
    if (!shape) return;
    paint(canonicalRegion([...(region() || []), shape]), null);
    actions.release();
  });
  preset.append(...Object.keys(PRESETS).map((name) => make("option", { value: name }, name)));
  const bank = find(root, ".bank", HTMLElement);
  bank.addEventListener("focusin", () => { resting = false; showVeil(); });
  bank.addEventListener("focusout", () => { resting = true; showVeil(); });

  return {
    isPainting: () => painting,
    toggle() {
      if (!handRow.hidden) setMode(!painting);
    },
    /**
     * The region that an edit of a level is under; null where that is the whole picture.
     * @param {number} level
     */
    of: (level) => (actions.isSpatial(level) ? region() : null),
    /** @param {boolean} any whether any level is spatial */
    build(any) {
      setHidden(handRow, !any);
      setHidden(find(root, "[data-pad-title]", HTMLElement), any);
      if (!any && painting) setMode(false);
    },
    sync() {
      const place = actions.place();
      if (place) showChips(chips, place.brush, choose);
      showVeil();
    },
  };
}

/**
 * A chip for the whole picture and one for each region; the focus stays where it was.
 * @param {HTMLElement} node
 * @param {Brush} brush
 * @param {(active: number) => void} choose
 */
function showChips(node, { regions, active }, choose) {
  const shown = `${regions.length}:${active}`;
  if (node.dataset.shown === shown) return;
  node.dataset.shown = shown;
  const chipOf = (/** @type {number} */ at, /** @type {string} */ name,
    /** @type {string} */ title) => make("button", {
    type: "button", class: "region", title, "data-region": at,
    "aria-pressed": String(active === at), onclick: () => choose(at),
  }, name);
  const { activeElement } = document;
  const held = activeElement instanceof HTMLElement && node.contains(activeElement)
    ? activeElement.dataset.region : undefined;
  node.replaceChildren(
    chipOf(-1, "Whole picture", "No region: sliders move all of the picture. What was moved under "
      + "a region stays."),
    ...regions.map((_, at) => chipOf(at, `Region ${at + 1}`,
      "Sliders of levels with places move this region only")),
    regions.length ? "" : make("span", { class: "fine" }, "Paint on the picture; sliders then "
      + "move that part only."));
  const again = held === undefined ? null : node.querySelector(`[data-region="${held}"]`);
  if (again instanceof HTMLElement) again.focus();
}
