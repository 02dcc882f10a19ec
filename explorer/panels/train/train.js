// Tells the rest of the page, once for each training that ended, that there is a new model.

/** @import { Component } from "../../page/component.js" */

/**
 * The training that is shown: its number, and the id of its model once there is one.
 * @typedef {{ serial: string, model: string }} Shown
 */

/**
 * Starts in the component that Gradio has put into the page.
 * @param {Component} component
 */
export function start({ element, watch }) {
  /** @type {Set<string>} */
  const told = new Set();
  /** @type {Shown | null} */
  let before = null;

  function look() {
    const now = shownIn(element);
    const isNew = before !== null && now.serial !== before.serial;
    const watched = before !== null && now.serial === before.serial && !before.model;
    before = now;
    if (isNew && !now.model && element.getBoundingClientRect().top < 0) {
      element.scrollIntoView({ behavior: "smooth" });
    }
    if (!now.model || told.has(now.serial)) return;
    told.add(now.serial);
    // Only who watched the training is taken to the model: a picture under edit is not taken
    // away from anybody, nor is a training of last week opened.
    const detail = watched && element.offsetParent !== null ? { id: now.model } : {};
    window.dispatchEvent(new CustomEvent("strata:models", { detail }));
  }

  watch("value", look);
  look();
}

/**
 * @param {HTMLElement} element
 * @returns {Shown}
 */
function shownIn(element) {
  const job = element.querySelector("[data-serial]");
  const { serial = "", model = "" } = job instanceof HTMLElement ? job.dataset : {};
  return { serial, model };
}
