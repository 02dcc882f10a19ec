// One level of the bank: a card with the policy of z_t and a slider per live axis.

const FEW = 12;
const KINDS = ["coordinate", "component"];

// The kinds of axes of a level that it has any of, those to begin with first: of a level with
// places the components of its channels, since one channel alone rarely means anything.
function kindsOf(level) {
  const kinds = level.map ? [...KINDS].reverse() : KINDS;
  return kinds.filter((kind) => level.axes[kind].length > 0);
}

function kindName(level, kind) {
  if (kind === "component") return level.fields ? "Waves" : "Components";
  return level.map ? "Channels" : "Units";
}

function kindHint(level, kind) {
  const things = level.map ? "places" : "images";
  if (kind === "component" && level.fields) {
    return "Broad waves of light and dark over the whole picture, the most telling first";
  }
  if (kind === "component") {
    return `Principal components: directions in which ${things} differ most, together`;
  }
  return level.map ? "One channel of the level each, the most telling first"
    : "One number of the level each, the most telling first";
}
const POLICIES = { keep: "Keep", mean: "Mean", resample: "Resample", memory: "Memory", pin: "Pin" };

// What a policy does at z_t; `above` is the name of z_{t+1}, or null at the top.
function policyWords(kind, above) {
  if (kind === "resample") return "new detail";
  if (kind === "memory") return "a mix of own and new detail";
  if (!above) return kind === "mean" ? "the prior's mean, no image" : "as encoded from the image";
  return {
    keep: `own detail, added to what ${above} says`,
    mean: `only what ${above} says, no own detail`,
    pin: `as encoded, whatever ${above} says`,
  }[kind];
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

// The policy of a level with the controls that it needs.
function makePolicy(level, depth, acts) {
  const name = nameOf(level.t);
  let above = level.t < depth ? nameOf(level.t + 1) : null;
  if (above && !level.markov) above = level.t + 1 < depth ? `${above} and up` : above;
  const allowed = Object.entries(POLICIES).filter(([kind]) => level.markov || kind !== "pin");
  const select = make("select", { "data-policy": level.t, "aria-label": `Policy of ${name}` },
    ...allowed.map(([kind, word]) =>
      make("option", { value: kind, title: policyWords(kind, above) }, word)));
  select.title = `Where ${name} comes from once something above it has changed`;
  const seed = make("input", {
    type: "number", min: 0, max: 2147483647, step: 1, class: "seed", "data-seed": level.t,
    title: "Seed: the same number draws the same detail again",
    "aria-label": `Seed of ${name}`,
  });
  const dice = make("button", {
    type: "button", class: "icon", "data-action": "dice", "data-level": level.t,
    title: "Another seed", "aria-label": `Another seed for ${name}`,
  }, "⚄");
  const rho = make("input", {
    type: "range", min: 0, max: 1, step: 0.05, class: "rho", "data-rho": level.t,
    "aria-label": `Memory ρ of ${name}: 1 keeps the image's own detail, 0 is all fresh`,
  });
  const rhoText = make("output", {});
  const rhoPart = make("label", { class: "rho-part", title: "Share of the image's own detail" },
    "ρ", rho, rhoText);
  const seedPart = make("span", { class: "seed-part" }, seed, dice);
  const says = make("span", { class: "fine says" });
  const node = make("div", { class: "policy" }, select, says, rhoPart, seedPart);
  let policy = ["keep", 0, 1];

  function send(next, key) {
    acts.policy(level.t, next, key);
    if (!key) acts.release();
  }
  select.addEventListener("change", () => {
    const kind = select.value;
    const fresh = kind === "resample" || kind === "memory";
    const seedNow = fresh ? policy[1] || randomSeed() : 0;
    send([kind, seedNow, kind === "memory" ? 0.5 : 1], null);
  });
  seed.addEventListener("change", () => {
    const value = clamp(Math.round(Number(seed.value)) || 0, 0, 2147483647);
    send([policy[0], value, policy[2]], null);
  });
  dice.addEventListener("click", () => send([policy[0], randomSeed(), policy[2]], null));
  rho.addEventListener("input", () => {
    send([policy[0], policy[1], Number(rho.value)], `rho:${level.t}`);
  });
  rho.addEventListener("change", () => acts.release());
  makeNudges(rho, () => {});

  function show(next) {
    policy = next;
    const [kind, seedNow, rhoNow] = next;
    if (select.value !== kind) select.value = kind;
    if (document.activeElement !== seed || Number(seed.value) !== seedNow) seed.value = seedNow;
    if (Number(rho.value) !== rhoNow) rho.value = rhoNow;
    setText(rhoText, rhoNow.toFixed(2));
    setHidden(rhoPart, kind !== "memory");
    setHidden(seedPart, kind !== "resample" && kind !== "memory");
    setHidden(says, kind === "memory");
    setText(says, policyWords(kind, above));
    says.title = says.textContent;
  }
  return { node, show };
}

// What the sliders of a level move while a region is active.
function whereWords(level, region) {
  if (!region) return null;
  if (!level.map) return { text: "whole picture", title: "This level is a vector: it has no "
    + "places, so its sliders move the whole picture whatever region is chosen" };
  return { text: `✎ ${region}`, title: `These sliders move ${region} only` };
}

// The card. `view` remembers {kind, all, folded} of this level while the page is open.
function makeLevel(level, depth, view, acts) {
  const name = nameOf(level.t);
  const badge = make("span", { class: "badge", hidden: true });
  const where = make("span", { class: "where", "data-where": level.t, hidden: true });
  const grid = make("div", { class: "sliders", id: `strata-sliders-${level.t}` });
  const reason = make("p", { class: "reason", hidden: true });
  const more = make("button", { type: "button", class: "ghost more", "data-action": "show-all" });
  const policy = makePolicy(level, depth, acts);
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
    title: kindHint(level, kind), onclick: () => { view.kind = kind; fill(); },
  }, kindName(level, kind)));
  const body = make("div", { class: "level-body" },
    make("div", { class: "controls" }, policy.node, reset), reason, grid,
    make("div", { class: "level-foot" },
      make("span", { class: "fine" }, countUnits(level)), more));
  const node = make("section", {
    class: "level", "data-level-card": level.t, style: `--hue: ${hueOf(level.t)}`,
    "aria-label": `Level ${name}`,
  }, make("header", {}, fold,
    make("div", { class: "segmented", role: "group", "aria-label": `Axes of ${name}` }, ...tabs)),
  body);
  let axes = [];
  let drawn = { edits: [], policy: null, place: WHOLE, region: null };
  let why = null;

  function fill() {
    if (!kinds.includes(view.kind)) view.kind = kinds[0] || "coordinate";
    const all = level.axes[view.kind];
    const shown = view.all ? all : all.slice(0, FEW);
    axes = shown.map((axis) => makeAxis(level, view.kind, axis, acts));
    grid.replaceChildren(...axes.map((axis) => axis.node));
    if (!all.length) grid.append(make("p", { class: "fine" }, "No active axes at this level."));
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
    const hidden = count - axes.filter((axis) => mine.has(axis.index)).length;
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
    if (samePolicy && sameWhere && sameItems(edits, drawn.edits)) return false;
    drawn = { edits, policy: now, place, region };
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
  fold.addEventListener("click", () => { view.folded = !view.folded; fill(); });
  reset.addEventListener("click", () => acts.resetLevel(level.t));
  fill();
  return { t: level.t, node, sync, shadow };
}
