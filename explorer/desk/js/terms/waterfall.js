// The waterfall: −ELBO, and how its parts bring it down to zero, one column a part, for this image
// beside the test set's mean. A rate below the top may be negative: its step goes back up.
// The rates have a scale of their own on the right, since a reconstruction dwarfs them. Those of
// dozens of levels are summed by group; one that is chosen takes the place of all, with its levels.
// A column is a button: under the mouse, focused or chosen it lights up the picture it belongs to.

import { MANY_ROWS } from "../bank/groups.js";
import { hueOf, make, nameOf, setHidden, setText } from "../tools.js";

const CROWDED = 12; // levels from which on columns are thin and their numbers are read one by one
const AIR = 1.06; // room above the highest bar, for its whisker

// The columns: {key, name, level or row, hue, picture, first}, the same for every image of a model;
// `first` is that of the first rung. `rows` are its groups, or null where each level stands alone.
function columnsOf(depth, rows) {
  const rest = {
    key: "rest", name: "−reconstruction", short: "−recon.", picture: "reconstruction",
  };
  const total = { key: "elbo", name: "−ELBO", picture: "image" };
  const level = (t) => ({
    key: `z${t}`, name: nameOf(t), level: t, hue: hueOf(t), picture: t, first: t === depth,
    thin: depth > CROWDED,
  });
  if (depth === 1) return { overall: [total, rest, level(1)], levels: [] };
  const rates = { key: "rates", name: "All rates", short: "rates", picture: "ladder" };
  const levels = rows ? rows.flatMap(columnsOfRow)
    : Array.from({ length: depth }, (_, at) => level(depth - at));
  return { overall: [total, rest, rates], levels };
}

// The column of a group and, where it has several, those of its levels.
function columnsOfRow(row, at) {
  const { t, name, brief, hue, levels } = row;
  const shared = { hue, picture: t, first: at === 0 };
  const whole = { ...shared, key: `group${t}`, name, short: brief, row };
  if (levels.length === 1) return [whole];
  return [whole, ...levels.map((level) => ({
    ...shared, key: `z${level.t}`, name: nameOf(level.t), level: level.t, thin: true,
    within: whole.key, of: name,
  }))];
}

// From terms in nats to {key: {value, error, from, to}} in the unit; a bar spans from and to.
export function stepsOf(terms, unit, rows) {
  const errors = terms.errors || { rate: [] };
  const scaled = (v) => (v === null || v === undefined ? null : v / unit.per);
  const sum = terms.rate.reduce((all, rate) => all + rate, 0);
  const step = (value, error, from, to) => ({
    value: scaled(value), error: scaled(error), from: scaled(from), to: scaled(to),
  });
  const found = {
    elbo: step(-terms.elbo, errors.elbo, 0, -terms.elbo),
    rest: step(-terms.reconstruction, errors.reconstruction, -terms.elbo, sum),
    rates: step(sum, errors.total_rate, 0, sum),
  };
  let left = sum;
  for (let t = terms.rate.length; t >= 1; t -= 1) {
    const rate = terms.rate[t - 1];
    found[`z${t}`] = step(rate, errors.rate[t - 1], left, t === 1 ? 0 : left - rate);
    left -= rate;
  }
  (rows || []).forEach(({ t, levels }, at) => {
    const value = levels.reduce((all, one) => all + terms.rate[one.t - 1], 0);
    const error = errors.group_rate ? errors.group_rate[at] : null;
    const [{ from }, { to }] = [found[`z${levels[0].t}`], found[`z${t}`]];
    found[`group${t}`] = { ...step(value, error), from, to };
  });
  return found;
}

// What a scale has to hold: every end of these columns' bars, and zero.
function rangeOf(columns, all) {
  const ends = all.flatMap((steps) => columns.flatMap(({ key }) => {
    const { from, to } = steps[key];
    return [from, to];
  }));
  const [low, high] = [Math.min(0, ...ends), Math.max(0, ...ends)];
  const span = high - low || 1;
  return { low: low && low - (AIR - 1) * span, span: AIR * span + (low && (AIR - 1) * span) };
}

const shareOf = (range, value) => (100 * (value - range.low)) / range.span;

function makeBars() {
  const one = (who) => {
    const whisker = make("i", { class: "whisker" });
    return { bar: make("i", { class: `step ${who}` }), whisker };
  };
  return { image: one("here"), mean: one("there") };
}

function placeBar({ bar, whisker }, step, range) {
  const [a, b] = [shareOf(range, step.from), shareOf(range, step.to)];
  bar.style.bottom = `${Math.min(a, b)}%`;
  bar.style.height = `${Math.abs(b - a)}%`;
  bar.classList.toggle("back", step.value < 0);
  setHidden(whisker, step.error === null);
  if (step.error === null) return;
  const half = (100 * step.error) / range.span;
  whisker.style.bottom = `${(step.to === 0 ? a : b) - half}%`; // where the other parts end
  whisker.style.height = `${2 * half}%`;
}

// `pick(column)` is called with the column in use, or with null.
export function makeWaterfall(host, pick) {
  let columns = []; // in order: {key, …, node, bars, labels}
  let built = null;
  let parts = null;
  let lens = null;
  let zoom = null;
  const inUse = { hover: null, focus: null, chosen: null };

  function tell() {
    const now = inUse.hover || inUse.focus || inUse.chosen;
    for (const column of columns) column.node.classList.toggle("lit", column === now);
    pick(now);
  }

  function use(how, column) {
    inUse[how] = column;
    tell();
  }

  // A level of a group that is chosen once more leaves its group chosen.
  function choose(column) {
    const around = columns.find((one) => one.key === column.within) || null;
    inUse.chosen = inUse.chosen === column ? around : column;
    for (const one of columns) one.node.setAttribute("aria-pressed", String(one === inUse.chosen));
    unfold();
    stopAt(column);
    tell();
  }

  // Shows the levels of the group that is chosen, itself or by one of them, in place of the others.
  function unfold() {
    const { key, within } = inUse.chosen || {};
    const open = columns.find((one) => one.within && one.within === (within || key));
    for (const one of columns) {
      if (one.within) setHidden(one.node, !open || one.within !== open.within);
      else if (one.row) setHidden(one.node, Boolean(open) && one.key !== open.within);
      if (!one.row || one.row.levels.length === 1) continue;
      one.node.setAttribute("aria-expanded", String(Boolean(open) && one.key === open.within));
    }
  }

  function stopAt(column) {
    for (const one of columns) one.node.tabIndex = one === column ? 0 : -1;
  }

  // One stop of the Tab key for all columns; arrows go from one to the next.
  function travel(event) {
    const shown = columns.filter((column) => !column.node.hidden);
    const at = shown.findIndex((column) => column.node === document.activeElement);
    const to = {
      ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: shown.length - 1,
    }[event.key];
    if (at < 0 || to === undefined || !shown[to]) return;
    event.preventDefault();
    stopAt(shown[to]);
    shown[to].node.focus();
  }

  function makeColumn(described, at) {
    const bars = makeBars();
    const labels = { image: make("b", {}), mean: make("span", {}) };
    const name = make("em", {}, make("span", { class: "long" }, described.name),
      make("span", { class: "short" }, described.short || described.name));
    const { hue, thin, within, row } = described;
    const node = make("button", {
      type: "button", class: `bar${hue === undefined ? "" : " level"}${thin ? " thin" : ""}`,
      "data-part": described.key, tabindex: at ? -1 : 0, "aria-pressed": "false",
      "aria-expanded": row && row.levels.length > 1 ? "false" : null,
      style: hue === undefined ? null : `--hue: ${hue}`, hidden: Boolean(within),
    }, make("span", { class: "plot" }, bars.image.bar, bars.image.whisker, bars.mean.bar,
      bars.mean.whisker), name, labels.image, labels.mean);
    const column = { ...described, node, bars, labels };
    // A finger leaves as soon as it lifts: what it tapped is chosen instead.
    const byMouse = (value) => (event) => {
      if (event.pointerType === "mouse") use("hover", value);
    };
    node.addEventListener("pointerenter", byMouse(column));
    node.addEventListener("pointerleave", byMouse(null));
    node.addEventListener("focus", () => {
      if (node.matches(":focus-visible")) use("focus", column);
    });
    node.addEventListener("blur", () => use("focus", null));
    node.addEventListener("click", () => choose(column));
    return column;
  }

  function build(depth, rows) {
    Object.assign(inUse, { hover: null, focus: null, chosen: null });
    parts = columnsOf(depth, rows);
    columns = [...parts.overall, ...parts.levels].map(makeColumn);
    const nodes = columns.map((column) => column.node);
    const first = parts.overall.length;
    const standing = parts.levels.filter((column) => !column.within).length;
    zoom = make("small", {});
    lens = make("i", {});
    host.replaceChildren(make("div", { class: "overall" }, ...nodes.slice(0, first)));
    if (parts.levels.length) {
      host.append(make("div", { class: "lens", title: "The rates again, enlarged" }, lens, zoom),
        make("div", { class: standing > MANY_ROWS ? "rates many" : "rates" },
          ...nodes.slice(first)));
    }
    tell();
  }

  // The strip that leads from the rates in the left scale to the same rates in the right one.
  function placeLens(coarse, fine, sum) {
    const y = (range, value) => `${100 - shareOf(range, value)}%`;
    lens.style.clipPath = `polygon(0 ${y(coarse, sum)}, 100% ${y(fine, sum)}, `
      + `100% ${y(fine, 0)}, 0 ${y(coarse, 0)})`;
    const times = coarse.span / fine.span;
    const shown = times < 10 ? times.toFixed(1) : Math.round(times).toLocaleString("en-GB");
    setText(zoom, `× ${shown}`);
  }

  host.addEventListener("keydown", travel);

  return {
    // `says(column, image, mean)` is what a column tells: {value, mean, title}.
    draw(depth, rows, image, mean, says) {
      const names = [depth, ...(rows || []).map((row) => row.name)].join();
      if (names !== built) build(depth, rows);
      built = names;
      const ranges = [parts.overall, parts.levels].map((some) => rangeOf(some, [image, mean]));
      columns.forEach((column, at) => {
        const range = ranges[at < parts.overall.length ? 0 : 1];
        placeBar(column.bars.image, image[column.key], range);
        placeBar(column.bars.mean, mean[column.key], range);
        const told = says(column, image[column.key], mean[column.key]);
        setText(column.labels.image, told.value);
        setText(column.labels.mean, told.mean);
        column.node.title = told.title;
        column.node.setAttribute("aria-label", told.title);
      });
      if (parts.levels.length) placeLens(...ranges, image.rates.to);
      tell();
    },
  };
}
