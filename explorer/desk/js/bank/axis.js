// One axis of a level: its label and a slider in units of σ.

import { make, nameOf, setText, signed } from "../tools.js";
import { makeNudges } from "./nudge.js";

export const AXIS_STEP = 0.05;

export function sigmaText(sigma) {
  return sigma === 0 ? "0" : `${sigma > 0 ? "+" : ""}${signed(sigma, 2)} σ`;
}

// What an axis weighs, in short: the tooltip says it in full.
export function weightOf(axis) {
  return axis.detail.replace(" of variance", "");
}

// `start`: whether it is the slider to start with. `acts` are {slide(level, kind, index, sigma,
// merge), release()}.
export function makeAxis(level, kind, axis, start, acts) {
  const input = make("input", {
    type: "range", min: -3, max: 3, step: AXIS_STEP, value: 0,
    "data-level": level.t, "data-kind": kind, "data-index": axis.index,
    "aria-label": `${nameOf(level.t)} · ${axis.label} · ${axis.detail}`,
  });
  const output = make("output", {}, "0");
  const most = start ? " · start here: it moves this picture most" : "";
  const node = make("label", {
    class: start ? "axis try" : "axis", title: `${axis.label} · ${axis.detail}${most}`,
  },
    make("span", { class: "axis-name" }, axis.label, make("i", {}, weightOf(axis))),
    output, input);
  let last = null;
  let nudged = false;

  function show(sigma) {
    if (sigma === last) return;
    last = sigma;
    if (Number(input.value) !== sigma) input.value = String(sigma);
    setText(output, sigmaText(sigma));
    input.setAttribute("aria-valuetext", `${sigma} σ`);
    input.style.setProperty("--at", (sigma + 3) / 6);
    node.classList.toggle("moved", sigma !== 0);
  }

  function centre() {
    show(0);
    acts.slide(level.t, kind, axis.index, 0, true);
    acts.release();
  }

  makeNudges(input, () => { nudged = true; });
  input.addEventListener("pointerdown", () => { nudged = false; });
  input.addEventListener("keydown", (event) => {
    if (event.key === "0" && !event.ctrlKey && !event.metaKey && !event.altKey) centre();
  });
  input.addEventListener("input", () => {
    const sigma = Number(input.value);
    show(sigma);
    acts.slide(level.t, kind, axis.index, sigma, nudged);
  });
  input.addEventListener("change", () => acts.release());
  input.addEventListener("dblclick", centre);
  show(0);
  return { node, input, show, index: axis.index };
}
