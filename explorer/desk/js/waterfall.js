// The waterfall: −ELBO, and how its parts bring it down to zero, one column a part, for this image
// beside the test set's mean. A rate below the top may be negative: its step goes back up.
// The rates have a scale of their own on the right, since a reconstruction dwarfs them.
// A column is a button: under the mouse, focused or chosen it lights up the picture it belongs to.

const CROWDED = 12; // levels from which on columns are thin and their numbers are read one by one
const AIR = 1.06; // room above the highest bar, for its whisker

// The columns: {key, name, level, picture}, the same for every image of a model.
function columnsOf(depth) {
  const rest = {
    key: "rest", name: "−reconstruction", short: "−recon.", picture: "reconstruction",
  };
  const total = { key: "elbo", name: "−ELBO", picture: "image" };
  const level = (t) => ({ key: `z${t}`, name: nameOf(t), level: t, picture: t });
  if (depth === 1) return { overall: [total, rest, level(1)], levels: [] };
  const rates = { key: "rates", name: "All rates", short: "rates", picture: "ladder" };
  const levels = Array.from({ length: depth }, (_, at) => level(depth - at));
  return { overall: [total, rest, rates], levels };
}

// From terms in nats to {key: {value, error, from, to}} in the unit; a bar spans from and to.
function stepsOf(terms, unit) {
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
function makeWaterfall(host, pick) {
  let columns = []; // in order: {key, …, node, bars, labels}
  let groups = null;
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

  function choose(column) {
    inUse.chosen = inUse.chosen === column ? null : column;
    for (const one of columns) one.node.setAttribute("aria-pressed", String(one === inUse.chosen));
    tell();
  }

  // One stop of the Tab key for all columns; arrows go from one to the next.
  function travel(event) {
    const at = columns.findIndex((column) => column.node === document.activeElement);
    const to = {
      ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: columns.length - 1,
    }[event.key];
    if (at < 0 || to === undefined || !columns[to]) return;
    event.preventDefault();
    for (const column of columns) column.node.tabIndex = column === columns[to] ? 0 : -1;
    columns[to].node.focus();
  }

  function makeColumn(described, at) {
    const bars = makeBars();
    const labels = { image: make("b", {}), mean: make("span", {}) };
    const name = make("em", {}, make("span", { class: "long" }, described.name),
      make("span", { class: "short" }, described.short || described.name));
    const node = make("button", {
      type: "button", class: described.level ? "bar level" : "bar",
      "data-part": described.key, tabindex: at ? -1 : 0, "aria-pressed": "false",
      style: described.level ? `--hue: ${hueOf(described.level)}` : null,
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

  function build(depth) {
    Object.assign(inUse, { hover: null, focus: null, chosen: null });
    groups = columnsOf(depth);
    columns = [...groups.overall, ...groups.levels].map(makeColumn);
    const nodes = columns.map((column) => column.node);
    const first = groups.overall.length;
    zoom = make("small", {});
    lens = make("i", {});
    host.replaceChildren(make("div", { class: "overall" }, ...nodes.slice(0, first)));
    if (groups.levels.length) {
      const rates = make("div", { class: depth > CROWDED ? "rates crowded" : "rates" });
      rates.append(...nodes.slice(first));
      host.append(make("div", { class: "lens", title: "The rates again, enlarged" }, lens, zoom),
        rates);
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
    draw(image, mean, says) {
      const depth = Object.keys(image).length - 3;
      if (!groups || columns.length !== (depth === 1 ? 3 : depth + 3)) build(depth);
      const ranges = [groups.overall, groups.levels].map((some) => rangeOf(some, [image, mean]));
      columns.forEach((column, at) => {
        const range = ranges[at < groups.overall.length ? 0 : 1];
        placeBar(column.bars.image, image[column.key], range);
        placeBar(column.bars.mean, mean[column.key], range);
        const told = says(column, image[column.key], mean[column.key]);
        setText(column.labels.image, told.value);
        setText(column.labels.mean, told.mean);
        column.node.title = told.title;
        column.node.setAttribute("aria-label", told.title);
      });
      if (groups.levels.length) placeLens(...ranges, image.rates.to);
      tell();
    },
  };
}
