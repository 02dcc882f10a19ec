// The picture is a pad: a drag sideways moves one axis, up and down another.

import { AXIS_STEP, sigmaText, weightOf } from "../bank/axis.js";
import { LOCAL, kindName, kindsOf } from "../bank/level.js";
import { keySteps } from "../bank/nudge.js";
import { editOf } from "../recipe/edits.js";
import { clamp, later, make, nameOf, setText } from "../tools.js";
import { TOUCH_SLACK_PX, isSideways } from "../touch.js";

const PAD_SIGMAS = 6; // of the picture's whole width or height
const PAD_SLACK_PX = 3; // a press that moves less is a click
const DOUBLE_TAP_MS = 350;
const TOUCH_HOLD_MS = 250; // a finger that rests so long has taken hold of the picture
const PAD_WAYS = { x: "sideways", y: "up and down" };

// `acts` are {move(edits, key, merge), release(), recipe(), where(level), painting()}; an edit is
// [level, kind, index, σ]. While the hand paints (brush.js) the picture is no pad.
export function makePad(root, acts) {
  const stage = root.querySelector("[data-stage]");
  const canvas = root.querySelector('canvas[data-screen="edit"]');
  const panel = root.querySelector("[data-pad]");
  const ways = Object.keys(PAD_WAYS).map((way) => ({
    way,
    select: root.querySelector(`[data-pad-axis="${way}"]`),
    value: root.querySelector(`[data-pad-value="${way}"]`),
    says: root.querySelector(`[data-pad-says="${way}"]`),
    axis: null, // {level, kind, index, label}
    sigma: 0,
  }));
  const axes = new Map();
  let built = null;
  let reasons = {};
  let grip = null; // the drag: {id, x, y, width, height, from, moved, loose}
  let tapped = -Infinity;

  // ---- which axes ----

  function choose(way, key) {
    way.axis = axes.get(key) || null;
    way.select.value = way.axis ? key : "";
  }

  function group(level, kind) {
    const name = nameOf(level.t);
    const options = level.axes[kind].map((axis) => {
      const key = `${level.t}:${kind}:${axis.index}`;
      const text = `${name} · ${axis.label} · ${weightOf(axis)}`;
      const { hue, t } = level;
      axes.set(key, { level: t, kind, index: axis.index, label: axis.label, key, text, hue });
      return make("option", { value: key }, text);
    });
    return options.length
      ? [make("optgroup", { label: `${name} ${kindName(level, kind).toLowerCase()}` }, ...options)]
      : [];
  }

  // The top level sideways and the next one up and down; a single level gives both.
  function defaults(levels) {
    const keys = [...axes.keys()];
    const firsts = levels.map((level) => keys.find((key) => key.startsWith(`${level.t}:`)));
    const [first, second] = firsts.filter(Boolean);
    return [first, second || keys.find((key) => key !== first)];
  }

  // The axes of these levels are to be chosen among, and those in use beside them.
  function offer(levels) {
    axes.clear();
    const groups = levels.flatMap((level) =>
      kindsOf(level).filter((kind) => kind !== LOCAL).flatMap((kind) => group(level, kind)));
    const aside = ways.map((way) => way.axis).filter((axis) => axis && !axes.has(axis.key));
    for (const axis of aside) axes.set(axis.key, axis);
    if (aside.length) {
      groups.push(make("optgroup", { label: "in use" },
        ...aside.map((axis) => make("option", { value: axis.key }, axis.text))));
    }
    const free = (key) => !ways.some((way) => way.axis && way.axis.key === key);
    for (const way of ways) {
      way.select.replaceChildren(...groups.map((node) => node.cloneNode(true)));
      choose(way, way.axis ? way.axis.key : defaults(levels).filter(Boolean).find(free));
      way.select.parentElement.hidden = !way.axis;
      way.says.hidden = !way.axis;
      draw(way);
    }
    panel.hidden = axes.size === 0;
    describe();
  }

  function describe() {
    if (acts.painting()) {
      canvas.setAttribute("aria-label", "The picture under your edit. Paint a region on it, or "
        + "move the brush by the arrow keys and press Space to dab.");
      return;
    }
    const moves = ways.filter((way) => way.axis).map((way) =>
      `${PAD_WAYS[way.way]} moves ${nameOf(way.axis.level)} ${way.axis.label}`);
    const words = moves.length ? ". Drag on it or use the arrow keys: "
      + `${moves.join(", ")}. 0 puts them back.` : "";
    canvas.setAttribute("aria-label", `The picture under your edit${words}`);
  }

  // What is shown of an axis: its colour, its value, and whether its level is shadowed.
  function draw(way) {
    const { axis, sigma } = way;
    if (!axis) return;
    const text = sigmaText(sigma);
    const reason = reasons[String(axis.level)];
    const row = way.select.parentElement;
    setText(way.value, text);
    setText(way.says.querySelector("i"), `${nameOf(axis.level)} ${axis.label}`);
    setText(way.says.querySelector("b"), text);
    row.style.setProperty("--hue", axis.hue);
    way.says.style.setProperty("--hue", axis.hue);
    row.classList.toggle("moved", sigma !== 0);
    row.classList.toggle("shadowed", Boolean(reason));
    row.title = reason || "";
  }

  function read(recipe) {
    for (const way of ways) {
      const { axis } = way;
      const sigma = axis ? editOf(recipe, axis.level, axis.kind, axis.index,
        acts.where(axis.level).place) : 0;
      if (sigma === way.sigma) continue;
      way.sigma = sigma;
      draw(way);
    }
  }

  for (const way of ways) {
    way.select.addEventListener("change", () => {
      // An axis cannot go both ways: the other one takes what this one had.
      const other = ways.find((one) => one !== way);
      if (other.axis && other.axis.key === way.select.value) choose(other, way.axis.key);
      choose(way, way.select.value);
      describe();
      read(acts.recipe());
      ways.forEach(draw);
    });
  }

  // ---- the hand ----

  // Moves the axes to these values, as far as they are others; null leaves one alone.
  function place(values, merge) {
    const edits = [];
    ways.forEach((way, at) => {
      if (!way.axis || values[at] === null) return;
      const sigma = Number(clamp(values[at], -3, 3).toFixed(2));
      if (sigma === way.sigma) return;
      edits.push([way.axis.level, way.axis.kind, way.axis.index, sigma]);
    });
    if (edits.length) acts.move(edits, `pad:${ways.map((way) => way.select.value)}`, merge);
  }

  function centre() {
    place([0, 0], false);
    acts.release();
  }

  function drop() {
    if (!grip) return;
    const { moved } = grip;
    grip = null;
    hold.drop();
    stage.classList.remove("dragging");
    if (moved) acts.release();
  }

  // A finger that goes up or down at once scrolls the page; one that goes sideways, or has
  // rested, drags the picture wherever it goes then.
  const hold = later(TOUCH_HOLD_MS, () => {
    grip.loose = false;
    stage.classList.add("dragging");
  });

  const takes = (right, up) => grip.moved
    || (grip.loose ? isSideways(right, up) : Math.hypot(right, up) >= PAD_SLACK_PX);

  canvas.addEventListener("pointerdown", (event) => {
    if (acts.painting() || grip || !event.isPrimary || event.button !== 0) return;
    const { width, height } = canvas.getBoundingClientRect();
    canvas.setPointerCapture(event.pointerId);
    grip = {
      id: event.pointerId, x: event.clientX, y: event.clientY, width, height,
      from: ways.map((way) => way.sigma), moved: false, loose: event.pointerType === "touch",
    };
    if (grip.loose) hold.ask();
  });
  canvas.addEventListener("touchmove", (event) => {
    if (grip && !grip.loose && event.cancelable) event.preventDefault(); // else it may scroll
  }, { passive: false });
  canvas.addEventListener("pointermove", (event) => {
    if (!grip || event.pointerId !== grip.id) return;
    const right = event.clientX - grip.x;
    const up = grip.y - event.clientY;
    if (!takes(right, up)) {
      if (Math.hypot(right, up) > TOUCH_SLACK_PX) hold.drop();
      return;
    }
    hold.drop();
    Object.assign(grip, { moved: true, loose: false });
    stage.classList.add("dragging");
    place([grip.from[0] + (PAD_SIGMAS * right) / grip.width,
      grip.from[1] + (PAD_SIGMAS * up) / grip.height], false);
  });
  canvas.addEventListener("pointerup", (event) => {
    if (!grip || event.pointerId !== grip.id) return;
    const near = Math.hypot(event.clientX - grip.x, event.clientY - grip.y) <= TOUCH_SLACK_PX;
    const tap = !grip.moved && near && event.pointerType !== "mouse";
    drop();
    // Not every browser makes a double-click of two taps.
    const again = tap && event.timeStamp - tapped < DOUBLE_TAP_MS;
    tapped = tap && !again ? event.timeStamp : -Infinity;
    if (again) centre();
  });
  for (const type of ["pointercancel", "lostpointercapture"]) {
    canvas.addEventListener(type, (event) => {
      if (grip && event.pointerId === grip.id) drop();
    });
  }
  canvas.addEventListener("dblclick", () => { if (!acts.painting()) centre(); });

  canvas.addEventListener("keydown", (event) => {
    if (acts.painting() || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "0") {
      centre();
      return;
    }
    const steps = keySteps(event);
    if (!steps) return;
    event.preventDefault();
    const sideways = event.key === "ArrowLeft" || event.key === "ArrowRight";
    const moved = ways.map((way, at) =>
      ((at === 0) === sideways ? way.sigma + AXIS_STEP * steps : null));
    place(moved, true);
    acts.release();
  });

  return {
    // Other axes come with another model only, or by `offer` where they are too many to list.
    build(model, levels) {
      const key = `${model.id}:${model.hash}`;
      if (key === built) return;
      built = key;
      drop();
      for (const way of ways) Object.assign(way, { axis: null, sigma: 0 });
      offer(levels);
    },
    sync: read,
    offer,
    describe,
    shadow(next) {
      reasons = next;
      ways.forEach(draw);
    },
  };
}
