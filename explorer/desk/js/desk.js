// The desk put together: one place (model, picture, recipe), and everything drawn from it.

import { rowsOf } from "./bank/groups.js";
import { makeStart } from "./bank/start.js";
import { makeControls } from "./controls.js";
import { makeEditors } from "./editors.js";
import { codeOf } from "./errors.js";
import { RETRY_MS, makeLive } from "./live/live.js";
import { fromJson } from "./live/packets.js";
import { makeTransport } from "./live/transport.js";
import { makeBadge, makeMessages } from "./messages.js";
import { makeLadder } from "./picture/ladder.js";
import { makeScreens } from "./picture/screens.js";
import { makePlaces } from "./places.js";
import { differs } from "./recipe/edits.js";
import { makeState } from "./recipe/state.js";
import { makeUploads } from "./recipe/storage.js";
import { placeOf } from "./recipe/travel.js";
import { makeWeighing } from "./terms/weighing.js";
import { sameValue } from "./values.js";

/** @import { Server } from "../../page/component.js" */
/** @import { Brush, LiveHooks, Opened, Place, Reasons, Recipe } from "./types.js" */

export class Desk {
  /**
   * @param {HTMLElement} root
   * @param {Server} server
   */
  constructor(root, server) {
    this.root = root;
    /** @type {Opened | null} */
    this.opened = null; // what the server said of the place
    this.transport = makeTransport(server, () => this.answer().pixels);
    this.state = makeState();
    this.uploads = makeUploads();
    this.screens = makeScreens(root);
    this.ladder = makeLadder(root);
    this.messages = makeMessages(root);
    this.places = makePlaces(this.transport.call, this.uploads, {
      show: (answer) => this.#show(answer), changed: () => this.#showSettled(),
    });
    this.live = makeLive(root, this.transport, this.#liveHooks());
    const current = (/** @type {Opened} */ answer) => this.opened === answer;
    this.weighing = makeWeighing(root, this.transport, {
      current,
      changed: () => this.#showSettled(),
      failed: this.messages.fail,
      openModel: (id) => this.controls.openModel(id),
    });
    const { regions, bank, pad } = makeEditors(this);
    this.regions = regions;
    this.bank = bank;
    this.pad = pad;
    this.startHere = makeStart(root, this.transport, {
      current,
      offered: bank.offered,
      point: bank.point,
      reveal: bank.reveal,
    });
    this.controls = makeControls(this);
  }

  /** Whether everything that was asked for is on the screen. */
  isSettled() {
    return !this.places.isBusy() && !this.weighing.isBusy() && this.live.isSettled();
  }

  /** @returns {LiveHooks} */
  #liveHooks() {
    return {
      frame: (picture) => {
        this.screens.paint("edit", picture);
        this.messages.clearNetwork();
      },
      rung: (level, picture) => this.ladder.paint(level, picture),
      shadowed: (reasons) => this.#shadow(reasons),
      failed: (error, recipe) => this.#drawFailed(error, recipe),
      changed: () => this.#showSettled(),
      slow: makeBadge(this.root),
      // Whoever answers next may be another replica, which needs the image before all else.
      lost: () => { if (this.opened) this.transport.bring().catch(() => null); },
    };
  }

  // ---- the recipe ----

  /**
   * @param {Recipe} recipe
   * @param {object} how
   * @param {string | null} how.key names the gesture that it is part of
   * @param {boolean} [how.merge] whether it may continue one that ended a moment ago
   * @param {Brush} [how.brush]
   */
  change(recipe, { key, merge = false, brush }) {
    const here = this.state.here();
    this.state.change(recipe, brush ?? here.brush, key, merge);
    this.sync();
    if (recipe !== here.recipe) this.live.show(recipe);
  }

  /**
   * A change that is a step of its own.
   * @param {Recipe} recipe
   */
  step(recipe) {
    this.change(recipe, { key: null });
    this.release();
  }

  /** The hand let go. */
  release() {
    if (!this.state.isOpen()) return;
    this.state.release();
    this.controls.syncHistory();
  }

  /** Shows the recipe and the brush in everything that edits. */
  sync() {
    const { recipe } = this.state.here();
    this.regions.sync();
    this.bank.sync(recipe);
    this.pad.sync(recipe);
    this.controls.syncHistory();
  }

  // ---- what the server says ----

  /** What the server said of the place that is open. */
  answer() {
    if (!this.opened) throw new Error("no picture is open yet");
    return this.opened;
  }

  /** @param {Reasons} reasons */
  #shadow(reasons) {
    this.bank.shadow(reasons);
    this.pad.shadow(reasons);
  }

  #showSettled() {
    const now = String(this.isSettled());
    if (this.root.dataset.settled !== now) this.root.dataset.settled = now;
  }

  /**
   * @param {unknown} error
   * @param {Recipe | null} recipe
   */
  #drawFailed(error, recipe) {
    if (codeOf(error) === "unknown_image") {
      this.#bringPicture();
      return;
    }
    this.messages.fail(error);
    // A picture that cannot be drawn is not kept: one step back, as far as there is one.
    if (recipe && codeOf(error) !== "network" && this.state.canUndo()) {
      this.travelBack(this.state.discard());
    }
  }

  /**
   * The server never had this picture, or forgot it. The hand may hold a slider, so nothing is
   * built anew where it is the same picture again.
   */
  async #bringPicture() {
    const end = this.places.busy();
    const { state } = this;
    try {
      const same = await this.transport.bring() === state.here().recipe.image;
      if (same) this.live.show(state.here().recipe);
      else await this.places.enter(state.here(), () => state.adopt(state.here()));
    } catch (error) {
      this.messages.fail(error);
      if (codeOf(error) === "network") setTimeout(() => this.#bringPicture(), RETRY_MS);
    } finally {
      end();
    }
  }

  // ---- places ----

  /** @param {Opened} answer */
  #show(answer) {
    this.opened = answer;
    this.live.leave();
    showPlace(this, answer);
    this.#shadow({});
    this.sync();
    if (differs(answer.recipe)) this.live.show(answer.recipe);
    else {
      this.screens.paint("edit", fromJson(answer.reconstruction));
      this.live.adopt(answer.recipe);
    }
    this.messages.clear();
    if (answer.notices.length) this.messages.say(answer.notices.join(" "));
  }

  /**
   * Shows a place that undo or redo leads to.
   * @param {Place} place
   * @param {() => void} [back] takes that step back, where the place cannot be opened
   */
  async travelBack(place, back) {
    const { opened } = this;
    if (opened && place.model === opened.model.id && place.recipe.model === opened.model.hash
      && sameValue(place.ref, opened.ref)) {
      this.sync();
      this.live.show(place.recipe);
      return;
    }
    try {
      await this.places.enter(place, (answer) => this.state.adopt(placeOf(answer, place)));
    } catch (error) {
      back?.();
      this.controls.syncHistory();
      this.messages.fail(error);
    }
  }
}

/**
 * Everything that is built anew for a place, or only shows it.
 * @param {Desk} desk
 * @param {Opened} answer
 */
function showPlace(desk, answer) {
  const { root, screens, bank, regions, startHere } = desk;
  const reconstruction = fromJson(answer.reconstruction);
  const { width, height } = reconstruction;
  screens.setShape(height, width);
  root.style.setProperty("--model-aspect", `${width} / ${height}`);
  screens.paint("image", fromJson(answer.image));
  screens.paint("reconstruction", reconstruction);
  for (const node of root.querySelectorAll(".bank-foot button")) node.removeAttribute("disabled");
  const rows = rowsOf(answer);
  bank.build(answer.model, rows, answer.recipe);
  desk.pad.build(answer.model, bank.shown());
  desk.ladder.build(rows);
  startHere.forget(answer);
  desk.weighing.weigh(answer, rows).then(() => startHere.find(answer));
  regions.build(answer.levels.some((level) => level.map));
  desk.controls.show(answer);
}
