// Beside the picture, for models with spatial levels: whether a drag moves axes or paints, which
// region the sliders move, and the brush. Painting over the whole picture begins a region.

import { makeNudges } from "../bank/nudge.js";
import { repainted } from "../recipe/edits.js";
import {
  MOST_REGIONS, PRESETS, activeRegion, canonicalRegion, regionAt,
} from "../recipe/regions.js";
import { make, setHidden } from "../tools.js";
import { makeBrush } from "./brush.js";
import { makeVeil } from "./veil.js";

const BRUSH_STEP = 1.25; // by key

// `acts` are {place(), change(place, key), choose(brush), release(), spatial(level), moded(),
// say(words)}.
export function makeRegions(root, acts) {
  const find = (name) => root.querySelector(`[data-${name}]`);
  const button = (action) => root.querySelector(`[data-action="${action}"]`);
  const stage = find("stage");
  const chips = find("regions");
  const size = find("brush-size");
  const preset = find("brush-shape");
  const [dragging, paints] = [button("hand-drag"), button("hand-paint")];
  const [brushTool, eraser] = [button("brush"), button("eraser")];
  const veil = makeVeil(root);
  let painting = false;
  let erase = false;
  let resting = true; // the hand is at the picture rather than at the sliders

  const region = () => activeRegion(acts.place().brush);
  const tool = () => ({ radius: Number(size.value), erase });

  function showVeil() {
    if (acts.place()) veil.show(region(), painting && resting);
  }

  function setMode(on) {
    painting = on;
    stage.classList.toggle("painting", on);
    dragging.setAttribute("aria-pressed", String(!on));
    paints.setAttribute("aria-pressed", String(on));
    find("pad").classList.toggle("brushing", on);
    if (!on) veil.ring(null);
    acts.moded();
    showVeil();
  }

  function setTool(erasing) {
    erase = erasing;
    brushTool.setAttribute("aria-pressed", String(!erase));
    eraser.setAttribute("aria-pressed", String(erase));
  }

  function paint(next, key) {
    const { recipe, brush } = acts.place();
    if (next && brush.active < 0 && brush.regions.length >= MOST_REGIONS) {
      acts.say(`A recipe can hold ${MOST_REGIONS} regions. Choose one of them and paint there.`);
      return;
    }
    acts.change(repainted({ recipe, brush }, next), key);
  }

  function choose(active) {
    const { recipe, brush } = acts.place();
    if (active === brush.active) return;
    const next = { ...brush, active };
    const unused = region() && regionAt(recipe.regions, region()) < 0;
    if (!unused) {
      acts.choose(next);
      return;
    }
    // A region under which nothing was moved goes: a step that undo takes back.
    acts.change({ recipe, brush: next }, null);
    acts.release();
  }

  function chip(active, name, words) {
    return make("button", {
      type: "button", class: "region", title: words, "data-region": active,
      "aria-pressed": String(acts.place().brush.active === active),
      onclick: () => choose(active),
    }, name);
  }

  makeBrush(root, veil, {
    painting: () => painting,
    region,
    tool,
    paint,
    release: acts.release,
    full: acts.say,
    leave: () => choose(-1),
    resize(steps) {
      size.value = String(Math.round(Number(size.value) * BRUSH_STEP ** steps));
    },
  });
  dragging.addEventListener("click", () => setMode(false));
  paints.addEventListener("click", () => setMode(true));
  brushTool.addEventListener("click", () => setTool(false));
  eraser.addEventListener("click", () => setTool(true));
  makeNudges(size, () => {});
  preset.addEventListener("change", () => {
    const shape = PRESETS[preset.value];
    preset.value = "";
    if (!shape) return;
    paint(canonicalRegion([...(region() || []), shape]), null);
    acts.release();
  });
  preset.append(...Object.keys(PRESETS).map((name) => make("option", { value: name }, name)));
  const bank = root.querySelector(".bank");
  bank.addEventListener("focusin", () => { resting = false; showVeil(); });
  bank.addEventListener("focusout", () => { resting = true; showVeil(); });

  return {
    painting: () => painting,
    toggle() {
      if (!find("hand-row").hidden) setMode(!painting);
    },
    // The region that an edit of a level is under; null where that is the whole picture.
    of: (level) => (acts.spatial(level) ? region() : null),
    build(any) {
      setHidden(find("hand-row"), !any);
      setHidden(find("pad-title"), any);
      if (!any && painting) setMode(false);
    },
    sync() {
      const { brush } = acts.place();
      const names = brush.regions.map((_, at) => chip(at, `Region ${at + 1}`,
        "Sliders of levels with places move this region only"));
      const shown = `${brush.regions.length}:${brush.active}`;
      if (chips.dataset.shown !== shown) {
        chips.dataset.shown = shown;
        const held = chips.contains(document.activeElement)
          ? document.activeElement.dataset.region : null;
        chips.replaceChildren(chip(-1, "Whole picture", "No region: sliders move all of the "
          + "picture. What was moved under a region stays."), ...names,
        names.length ? "" : make("span", { class: "fine" }, "Paint on the picture; sliders then "
          + "move that part only."));
        const again = held === null ? null : chips.querySelector(`[data-region="${held}"]`);
        if (again) again.focus();
      }
      showVeil();
    },
  };
}
