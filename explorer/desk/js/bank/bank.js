// The slider bank: a card per level or group of levels, the top first, and chips that jump to one.

import { find, make, setHidden, setText } from "../dom.js";
import { levelDiffers } from "../recipe/edits.js";
import { makeGroup, UNFOLDED } from "./group.js";
import { hasAxes, kindsOf } from "./kinds.js";
import { makeLevel } from "./level.js";
import { makeNudges } from "./nudge.js";

/** @import { Axis, AxisId, HuedLevel, Model, Policy, Reasons, Recipe, Region, Row }
 *   from "../types.js" */

/**
 * What the bank does to the desk.
 * @typedef {object} BankActions
 * @property {(level: number) => { region: Region | null, name: string | null }} where what the
 *   sliders of a level move, and what the active region is called
 * @property {(move: AxisId & { sigma: number }, merge: boolean) => void} slide
 * @property {(levels: readonly number[], next: (policy: Policy) => Policy, key: string | null) =>
 *   void} policy
 * @property {(value: number) => void} temperature
 * @property {(level: number) => Promise<Axis[]>} local
 * @property {() => void} release
 * @property {(levels: readonly number[]) => void} reset
 * @property {() => void} shown other levels are at hand
 */

/**
 * A card of the bank, of a level or a group.
 * @typedef {object} Card
 * @property {Row} row
 * @property {HTMLElement} node
 * @property {(recipe: Recipe) => boolean} sync
 * @property {(reasons: Reasons) => void} shadow
 * @property {() => void} open
 * @property {() => HuedLevel[]} shown the levels whose axes are at hand
 * @property {() => AxisId[]} offered the sliders that stand there
 * @property {(axis: AxisId) => void} unfold
 */

function scrollBehaviour() {
  return window.matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth";
}

/**
 * @param {HTMLElement} root
 * @param {BankActions} actions
 */
export function makeBank(root, actions) {
  const list = find(root, "[data-levels]", HTMLElement);
  const chips = find(root, "[data-chips]", HTMLElement);
  const showTemperature = makeTemperature(root, actions);
  const viewOf = makeViews();
  /** @type {Card[]} */
  let cards = [];
  /** @type {string | null} */
  let built = null;
  /** @type {readonly import("../types.js").Edit[]} */
  let edits = [];
  /** @type {AxisId | null} */
  let start = null; // the slider to start with

  /** @param {AxisId} axis */
  function isStart({ level, kind, index }) {
    return start !== null && start.level === level && start.kind === kind
      && start.index === index;
  }

  /**
   * @param {string} model
   * @param {HuedLevel} level
   * @param {number} depth
   * @param {boolean} folded
   */
  function cardOf(model, level, depth, folded) {
    return makeLevel(level, depth, isStart, viewOf(`${model}:${level.t}`, () => {
      const mine = edits.filter((edit) => edit.level === level.t);
      const [first] = kindsOf(level);
      const only = mine.length > 0 && mine.every((edit) => edit.kind === mine[0].kind);
      return { kind: only ? mine[0].kind : first, all: false, folded: folded && !mine.length };
    }), actions);
  }

  /**
   * A closed group has no cards, since those of dozens of levels would take their time.
   * @param {string} model
   * @param {Row} row
   * @param {number} depth
   * @param {boolean} open
   */
  function groupOf(model, row, depth, open) {
    const live = row.levels.filter(hasAxes).slice(0, UNFOLDED);
    return makeGroup(row, depth, viewOf(`${model}:group:${row.t}`, () => ({ open })),
      (level) => cardOf(model, level, depth, !live.includes(level)), actions);
  }

  /**
   * @param {string} model
   * @param {Row[]} rows
   * @returns {Card[]}
   */
  function makeCards(model, rows) {
    const depth = rows[0].levels[0].t;
    const first = rows.find((row) => row.levels.some(hasAxes));
    return rows.map((row) => {
      if (row.grouped) return groupOf(model, row, depth, row === first);
      const card = cardOf(model, row.levels[0], depth, false);
      return { ...card, row, open() {}, shown: () => row.levels };
    });
  }

  /** @param {Card} card */
  function jump(card) {
    card.open();
    const behavior = scrollBehaviour();
    if (list.scrollHeight > list.clientHeight + 4) {
      list.scrollTo({ top: card.node.offsetTop - list.offsetTop, behavior });
    } else {
      card.node.scrollIntoView({ block: "start", behavior });
    }
  }

  /** @param {Card} card */
  function chipOf(card) {
    const { t, name, brief, span, hue, grouped } = card.row;
    return make("button", {
      type: "button", class: "chip", style: `--hue: ${hue}`, "data-chip": t,
      "aria-label": grouped ? `Go to ${name}, ${span}` : `Go to level ${name}`,
      title: brief === name ? null : `${name}, ${span}`, onclick: () => jump(card),
    }, brief);
  }

  return {
    /**
     * @param {Model} model
     * @param {Row[]} rows
     * @param {Recipe} recipe
     */
    build(model, rows, recipe) {
      const key = `${model.id}:${model.hash}`;
      const levels = rows.flatMap((row) => row.levels);
      const shapes = `${key}:${levels.map((level) => level.map)}`; // other ones at another side
      if (shapes === built) return;
      built = shapes;
      edits = recipe.edits;
      cards = makeCards(key, rows);
      list.replaceChildren(...cards.map((card) => card.node));
      list.scrollTop = 0;
      chips.replaceChildren(...cards.map(chipOf));
      chips.classList.toggle("of-groups", rows[0].grouped);
    },
    /** @param {Recipe} recipe */
    sync(recipe) {
      edits = recipe.edits;
      cards.forEach((card, at) => {
        if (!card.sync(recipe)) return;
        const moved = card.row.levels.some((level) => levelDiffers(recipe, level.t));
        chips.children[at].classList.toggle("moved", moved);
      });
      showTemperature(recipe);
    },
    /** @param {Reasons} reasons */
    shadow(reasons) {
      for (const card of cards) card.shadow(reasons);
    },
    shown: () => cards.flatMap((card) => card.shown()),
    /** Every slider that is shown. */
    offered: () => cards.flatMap((card) => card.offered()),
    /**
     * Points at a slider, with its kind of axes shown; at none if null.
     * @param {AxisId | null} next
     */
    point(next) {
      start = next;
      for (const node of list.querySelectorAll(".axis.try")) node.classList.remove("try");
      if (!next) return;
      cards.find(({ row }) => row.levels.some(({ t }) => t === next.level))?.unfold(next);
    },
    /** Brings the slider that is pointed at under the eye and the hand. */
    reveal() {
      const axis = list.querySelector(".axis.try");
      if (!axis) return; // its kind of axes was put away
      axis.scrollIntoView({ block: "center", behavior: scrollBehaviour() });
      axis.querySelector("input")?.focus({ preventScroll: true });
    },
  };
}

/** What is remembered of cards while the page is open, by a key; made when first asked for. */
function makeViews() {
  /** @type {Map<string, unknown>} */
  const views = new Map();
  /**
   * @template V
   * @param {string} key
   * @param {() => V} begin
   * @returns {V}
   */
  return (key, begin) => {
    if (!views.has(key)) views.set(key, begin());
    return /** @type {V} */ (views.get(key));
  };
}

/**
 * The slider of the temperature, shown where it matters. Gives what shows it for a recipe.
 * @param {HTMLElement} root
 * @param {BankActions} actions
 */
function makeTemperature(root, actions) {
  const row = find(root, "[data-temperature-row]", HTMLElement);
  const input = find(root, "[data-temperature]", HTMLInputElement);
  const text = find(root, "[data-temperature-value]", HTMLElement);
  input.addEventListener("input", () => actions.temperature(Number(input.value)));
  input.addEventListener("change", () => actions.release());
  makeNudges(input);

  /** @param {Recipe} recipe */
  return ({ policies, temperature }) => {
    const fresh = policies.some(({ kind }) => kind === "resample" || kind === "memory");
    setHidden(row, !fresh && temperature === 1);
    if (Number(input.value) !== temperature) input.value = String(temperature);
    setText(text, temperature.toFixed(2));
  };
}
