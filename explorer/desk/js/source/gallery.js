// The gallery of test pictures: one sprite, one button a picture, one stop for the Tab key.

import { make } from "../tools.js";

export function makeGallery(root, choose) {
  const grid = root.querySelector("[data-gallery]");
  let built = null;

  function button(at, examples) {
    const rows = Math.ceil(examples.count / examples.columns);
    const column = at % examples.columns;
    const row = Math.floor(at / examples.columns);
    const x = examples.columns > 1 ? (100 * column) / (examples.columns - 1) : 0;
    const y = rows > 1 ? (100 * row) / (rows - 1) : 0;
    return make("button", {
      type: "button", "data-example": at, "aria-label": `Test picture ${at + 1}`,
      "aria-pressed": "false", tabindex: at === 0 ? 0 : -1,
      style: `background-position: ${x}% ${y}%; `
        + `background-size: ${100 * examples.columns}% ${100 * rows}%`,
      onclick: () => choose(at),
    });
  }

  function focus(at) {
    const nodes = grid.children;
    if (at < 0 || at >= nodes.length) return;
    for (const node of nodes) node.tabIndex = -1;
    nodes[at].tabIndex = 0;
    nodes[at].focus();
  }

  grid.addEventListener("keydown", (event) => {
    const at = Number(document.activeElement.dataset.example);
    if (!Number.isInteger(at)) return;
    const across = getComputedStyle(grid).gridTemplateColumns.split(" ").length;
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -across, ArrowDown: across }[event.key];
    if (!step) return;
    event.preventDefault();
    focus(at + step);
  });

  return {
    build(model, examples) {
      if (built === model.hash) return;
      built = model.hash;
      const buttons = [];
      for (let at = 0; at < examples.count; at += 1) buttons.push(button(at, examples));
      grid.style.setProperty("--sprite", `url("${examples.png}")`);
      grid.style.setProperty("--aspect", `${examples.w} / ${examples.h}`);
      grid.replaceChildren(...buttons);
    },
    mark(ref) {
      for (const node of grid.children) {
        const on = ref.kind === "example" && Number(node.dataset.example) === ref.index;
        node.setAttribute("aria-pressed", String(on));
        if (on) {
          for (const other of grid.children) other.tabIndex = -1;
          node.tabIndex = 0;
        }
      }
    },
  };
}
