// The desk put together: one place (model, picture, recipe), and everything drawn from it.

import { makeBank } from "./bank/bank.js";
import { rowsOf } from "./bank/groups.js";
import { makeStart } from "./bank/start.js";
import { makeKeys } from "./keys.js";
import { makeHud } from "./live/hud.js";
import { RETRY_MS, makeLive } from "./live/live.js";
import { fromJson } from "./live/packets.js";
import { makeTransport } from "./live/transport.js";
import { makeMessages } from "./messages.js";
import { makeBefore } from "./picture/before.js";
import { makeLadder } from "./picture/ladder.js";
import { makePad } from "./picture/pad.js";
import { makeRegions } from "./picture/regionbar.js";
import { makeScreens } from "./picture/screens.js";
import { enterFirst, makeFirst } from "./recipe/boot.js";
import { WHOLE, differs, withEdit, withPolicies, withoutLevels } from "./recipe/edits.js";
import { makeHistory } from "./recipe/history.js";
import { makeRecipes } from "./recipe/recipes.js";
import { regionAt } from "./recipe/regions.js";
import { makeState, makeUploads, openPlace } from "./recipe/state.js";
import { makeTravel, placeOf } from "./recipe/travel.js";
import { makeKeyMap } from "./source/dialogs.js";
import { makeFiles } from "./source/files.js";
import { hearOfModels, makeModels } from "./source/models.js";
import { makeSource } from "./source/source.js";
import { makeWeighing } from "./terms/weighing.js";
import { setText } from "./tools.js";
import { makeTouches } from "./touch.js";

// Starts the desk in the component that Gradio has put into the page.
export function start({ element, server }) {
  const root = element.querySelector("#strata-desk");
  root.dataset.started = ""; // until then it is not shown: desk.css
  const transport = makeTransport(server, () => opened.pixels);
  const state = makeState();
  const uploads = makeUploads();
  const screens = makeScreens(root);
  const ladder = makeLadder(root);
  const messages = makeMessages(root);
  const button = (action) => root.querySelector(`[data-action="${action}"]`);
  let opened = null; // the last answer to `open`
  let opening = 0;
  let ticket = 0;

  const live = makeLive(root, transport, {
    frame(picture) {
      screens.paint("edit", picture);
      messages.clearNetwork();
    },
    rung: (level, picture) => ladder.paint(level, picture),
    shadowed: shadow,
    failed: renderFailed,
    changed: showSettled,
    slow: showSlow,
    // Whoever answers next may be another replica, which needs the image before all else.
    lost: () => { if (opened) transport.bring().catch(() => null); },
  });
  const hud = makeHud(root, live);
  const release = () => {
    if (!state.here()) return;
    state.release();
    history.sync();
  };
  const weighing = makeWeighing(root, transport, {
    current: (answer) => opened === answer,
    changed: showSettled,
    failed: messages.fail,
    openModel: (id) => openModel(id),
  });
  const regions = makeRegions(root, {
    place: () => state.here(),
    change: ({ recipe, brush }, key) => change(recipe, key, false, brush),
    choose(brush) {
      state.adopt({ ...state.here(), brush });
      syncAll();
    },
    release,
    spatial: (level) => opened.levels.some((one) => one.t === level && one.map),
    moded: () => pad.describe(),
    say: messages.say,
  });
  // The place of the edits that the sliders of a level make, and what the region is called.
  function where(level) {
    const { recipe, brush } = state.here();
    const region = regions.of(level);
    return {
      place: region ? regionAt(recipe.regions, region) : WHOLE,
      region: brush.active < 0 ? null : `Region ${brush.active + 1}`,
    };
  }
  const moved = (recipe, [level, kind, index, sigma]) =>
    withEdit(recipe, level, kind, index, sigma, regions.of(level));
  const bank = makeBank(root, {
    where,
    slide(level, kind, index, sigma, merge) {
      startHere.touched();
      const recipe = moved(state.here().recipe, [level, kind, index, sigma]);
      change(recipe, `${level}:${kind}:${index}`, merge);
    },
    policy(levels, next, key) {
      change(withPolicies(state.here().recipe, levels, next), key, Boolean(key));
    },
    temperature(value) {
      change({ ...state.here().recipe, temperature: value }, "temperature", true);
    },
    local: async (level) =>
      (await transport.call("local", { recipe: state.here().recipe, level })).axes,
    release,
    reset: (levels) => step(withoutLevels(state.here().recipe, levels)),
    shown() {
      pad.offer(bank.shown());
      pad.sync(state.here().recipe);
    },
  });
  const pad = makePad(root, {
    move(edits, key, merge) {
      startHere.touched();
      change(edits.reduce(moved, state.here().recipe), key, merge);
    },
    release,
    recipe: () => state.here().recipe,
    where,
    painting: regions.painting,
  });
  const history = makeHistory(root, state, { travel: travelBack, step });
  const startHere = makeStart(root, transport, {
    current: (answer) => opened === answer,
    offered: bank.offered,
    point: bank.point,
    reveal: bank.reveal,
  });
  const before = makeBefore(root, screens);
  const keyMap = makeKeyMap(root);
  makeTouches(root);
  makeKeys(root, {
    press: (action) => button(action).click(),
    before: before.hold,
    overlay: () => hud.toggle(),
    help: keyMap.open,
    paint: regions.toggle,
  });
  const first = makeFirst(state, () => enterFirst(models, enter,
    (answer, place) => state.adopt(placeOf(answer, place)), messages), () => {
    messages.say("The page is still loading; this comes next.");
  }, messages.fail);
  const source = makeSource(root, {
    file: first.after(makeFiles(transport, uploads, state, messages,
      { begin, visit: (to) => visit(to) })),
    refer: first.after((ref) => visit({ model: state.here().model, ref, recipe: null })),
    resize: (side) => resize(side),
    text: first.after((text) => recipes.paste(text)),
    failed: messages.fail,
  });
  const models = makeModels(root, transport, (id) => openModel(id));
  const { visit, resize, openModel } = makeTravel(state, messages, models,
    (place, kept) => enter(place, kept));
  const recipes = makeRecipes(root, transport, messages, state, (recipe) => {
    startHere.touched();
    step(recipe);
  });

  function settled() {
    return opening === 0 && !weighing.busy() && live.settled();
  }

  function showSettled() {
    const now = String(settled());
    if (root.dataset.settled !== now) root.dataset.settled = now;
  }

  function showSlow(words) {
    const badge = root.querySelector("[data-slow]");
    badge.hidden = !words;
    setText(badge, words || "");
  }

  // ---- the recipe ----

  function change(recipe, key, merge, brush) {
    const same = recipe === state.here().recipe;
    state.change(recipe, key, merge, brush);
    syncAll();
    if (!same) live.show(recipe);
  }

  // A change that is a step of its own.
  function step(recipe) {
    change(recipe, null, false);
    release();
  }

  function syncAll() {
    const { recipe } = state.here();
    regions.sync();
    bank.sync(recipe);
    pad.sync(recipe);
    history.sync();
  }

  function shadow(reasons) {
    bank.shadow(reasons);
    pad.shadow(reasons);
  }

  function renderFailed(error, recipe) {
    if (error.code === "unknown_image") {
      bringPicture();
      return;
    }
    messages.fail(error);
    // A picture that cannot be drawn is not kept: one step back, as far as there is one.
    if (recipe && error.code !== "network" && state.canUndo()) travelBack(state.discard());
  }

  // The server never had this picture, or forgot it. The hand may hold a slider, so nothing is
  // built anew where it is the same picture again.
  async function bringPicture() {
    opening += 1;
    try {
      const same = await transport.bring() === state.here().recipe.image;
      if (same) live.show(state.here().recipe);
      else await enter(state.here(), () => state.adopt(state.here()));
    } catch (error) {
      messages.fail(error);
      if (error.code === "network") setTimeout(bringPicture, RETRY_MS);
    } finally {
      opening -= 1;
      showSettled();
    }
  }

  // ---- places ----

  // Work on another place; whatever begins after it makes it stale.
  function begin() {
    ticket += 1;
    const mine = ticket;
    opening += 1;
    showSettled();
    return {
      stale: () => mine !== ticket,
      end() {
        opening -= 1;
        showSettled();
      },
    };
  }

  // Opens a place; `kept` runs once the server has it. Rejects and changes nothing on an error.
  async function enter(place, kept) {
    const mine = begin();
    try {
      const answer = await openPlace(transport.call, uploads, place);
      if (mine.stale()) return null;
      kept(answer, place);
      show(answer);
      return answer;
    } finally {
      mine.end();
    }
  }

  function show(answer) {
    opened = answer;
    live.leave();
    const { recipe } = answer;
    const reconstruction = fromJson(answer.reconstruction);
    const { width, height } = reconstruction;
    screens.setShape(height, width);
    root.style.setProperty("--model-aspect", `${width} / ${height}`);
    screens.paint("image", fromJson(answer.image));
    screens.paint("reconstruction", reconstruction);
    models.show(answer.model);
    for (const node of root.querySelectorAll(".bank-foot button")) node.disabled = false;
    const rows = rowsOf(answer);
    bank.build(answer.model, rows, recipe);
    pad.build(answer.model, bank.shown());
    ladder.build(rows);
    startHere.forget(answer);
    weighing.weigh(answer, rows).then(() => startHere.find(answer));
    regions.build(answer.levels.some((level) => level.map));
    source.show(answer);
    shadow({});
    syncAll();
    if (differs(recipe)) live.show(recipe);
    else {
      screens.paint("edit", reconstruction);
      live.adopt(recipe);
    }
    messages.clear();
    if (answer.notices.length) messages.say(answer.notices.join(" "));
  }

  // ---- undo, redo ----

  async function travelBack(place, undoIt) {
    const same = opened && place.model === opened.model.id
      && place.recipe.model === opened.model.hash
      && JSON.stringify(place.ref) === JSON.stringify(opened.ref);
    if (same) {
      syncAll();
      live.show(place.recipe);
      return;
    }
    try {
      await enter(place, (answer) => state.adopt(placeOf(answer, place)));
    } catch (error) {
      if (undoIt) undoIt();
      history.sync();
      messages.fail(error);
    }
  }

  // ---- the page around ----

  hearOfModels(root, (id) => {
    models.refresh().then(() => (id && state.here() ? openModel(id) : null), messages.fail);
  });
  window.addEventListener("pagehide", state.leave);
  window.strata = {
    recipe: () => (state.here() ? JSON.parse(JSON.stringify(state.here().recipe)) : null),
    settled,
    stats: live.stats,
  };
  first.land().catch(messages.fail);
}
