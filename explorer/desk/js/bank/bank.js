// The slider bank: a card per level or group of levels, the top first, and chips that jump to one.
// A card is {row, node, sync(recipe), shadow(reasons), open(), shown(), offered(), unfold(start)}:
// `shown()` are the levels whose axes are at hand, `offered()` the sliders that stand there.

import { levelDiffers } from "../recipe/edits.js";
import { make, setHidden, setText } from "../tools.js";
import { UNFOLDED, makeGroup } from "./group.js";
import { hasAxes, kindsOf, makeLevel } from "./level.js";
import { makeNudges } from "./nudge.js";

export function makeBank(root, acts) {
  const list = root.querySelector("[data-levels]");
  const chips = root.querySelector("[data-chips]");
  const temperatureRow = root.querySelector("[data-temperature-row]");
  const temperature = root.querySelector("[data-temperature]");
  const temperatureText = root.querySelector("[data-temperature-value]");
  const views = new Map();
  let cards = [];
  let built = null;
  let recipe = null;
  let start = null; // the slider to start with, {level, kind, index}

  function viewOf(key, begin) {
    if (!views.has(key)) views.set(key, begin());
    return views.get(key);
  }

  function cardOf(model, level, depth, folded) {
    return makeLevel(level, depth, isStart, viewOf(`${model}:${level.t}`, () => {
      const mine = recipe.edits.filter((edit) => edit[0] === level.t);
      const [first] = kindsOf(level);
      const only = mine.length > 0 && mine.every((edit) => edit[1] === mine[0][1]);
      return { kind: only ? mine[0][1] : first, all: false, folded: folded && !mine.length };
    }), acts);
  }

  // A closed group has no cards, since those of dozens of levels would take their time.
  function groupOf(model, row, depth, open) {
    const live = row.levels.filter(hasAxes).slice(0, UNFOLDED);
    return makeGroup(row, depth, viewOf(`${model}:group:${row.t}`, () => ({ open })),
      (level) => cardOf(model, level, depth, !live.includes(level)), acts);
  }

  function makeCards(model, rows) {
    const depth = rows[0].levels[0].t;
    const first = rows.find((row) => row.levels.some(hasAxes));
    return rows.map((row) => {
      if (row.grouped) return groupOf(model, row, depth, row === first);
      const card = cardOf(model, row.levels[0], depth, false);
      return { ...card, row, open() {}, shown: () => row.levels };
    });
  }

  function behaviour() {
    return window.matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth";
  }

  function jump(card) {
    card.open();
    const behavior = behaviour();
    if (list.scrollHeight > list.clientHeight + 4) {
      list.scrollTo({ top: card.node.offsetTop - list.offsetTop, behavior });
    } else {
      card.node.scrollIntoView({ block: "start", behavior });
    }
  }

  function chip(card) {
    const { t, name, brief, span, hue, grouped } = card.row;
    return make("button", {
      type: "button", class: "chip", style: `--hue: ${hue}`, "data-chip": t,
      "aria-label": grouped ? `Go to ${name}, ${span}` : `Go to level ${name}`,
      title: brief === name ? null : `${name}, ${span}`, onclick: () => jump(card),
    }, brief);
  }

  function isStart(level, kind, index) {
    return start !== null && start.level === level && start.kind === kind
      && start.index === index;
  }

  const cardWith = (level) => cards.find((card) => card.row.levels.some(({ t }) => t === level));

  temperature.addEventListener("input", () => {
    acts.temperature(Number(temperature.value));
  });
  temperature.addEventListener("change", () => acts.release());
  makeNudges(temperature, () => {});

  return {
    build(model, rows, now) {
      const key = `${model.id}:${model.hash}`;
      const levels = rows.flatMap((row) => row.levels);
      const shapes = `${key}:${levels.map((level) => level.map)}`; // other ones at another side
      if (shapes === built) return;
      built = shapes;
      recipe = now;
      cards = makeCards(key, rows);
      list.replaceChildren(...cards.map((card) => card.node));
      list.scrollTop = 0;
      chips.replaceChildren(...cards.map(chip));
      chips.classList.toggle("of-groups", rows[0].grouped);
    },
    sync(now) {
      recipe = now;
      cards.forEach((card, at) => {
        if (!card.sync(recipe)) return;
        const moved = card.row.levels.some((level) => levelDiffers(recipe, level.t));
        chips.children[at].classList.toggle("moved", moved);
      });
      const fresh = recipe.policies.some((p) => p[0] === "resample" || p[0] === "memory");
      setHidden(temperatureRow, !fresh && recipe.temperature === 1);
      if (Number(temperature.value) !== recipe.temperature) {
        temperature.value = recipe.temperature;
      }
      setText(temperatureText, recipe.temperature.toFixed(2));
    },
    shadow(reasons) {
      for (const card of cards) card.shadow(reasons);
    },
    shown: () => cards.flatMap((card) => card.shown()),
    // Every slider that is shown, [level, kind, index].
    offered: () => cards.flatMap((card) => card.offered()),
    // Points at a slider, with its kind of axes shown; at none if null.
    point(next) {
      start = next;
      for (const node of list.querySelectorAll(".axis.try")) node.classList.remove("try");
      if (start) cardWith(start.level).unfold(start);
    },
    // Brings the slider that is pointed at under the eye and the hand.
    reveal() {
      const axis = list.querySelector(".axis.try");
      if (!axis) return; // its kind of axes was put away
      axis.scrollIntoView({ block: "center", behavior: behaviour() });
      axis.querySelector("input").focus({ preventScroll: true });
    },
  };
}
