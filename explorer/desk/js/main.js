// Where the desk begins: Gradio's component gets its one desk.

import { Desk } from "./desk.js";
import { find } from "./dom.js";
import { toWire } from "./recipe/wire.js";

/** @import { Component } from "../../page/component.js" */

/**
 * Starts the desk in the component that Gradio has put into the page.
 * @param {Component} component
 */
export function start({ element, server }) {
  const root = find(element, "#strata-desk", HTMLElement);
  root.dataset.started = ""; // until then it is not shown: desk.css
  const desk = new Desk(root, server);
  const { state, live } = desk;
  window.strata = {
    recipe: () => (state.isOpen() ? toWire(state.here().recipe) : null),
    settled: () => desk.isSettled(),
    stats: live.stats,
  };
  window.addEventListener("pagehide", state.leave);
  desk.controls.begin();
}
