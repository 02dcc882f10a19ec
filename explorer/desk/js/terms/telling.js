// What is said of a column of the waterfall: its unit, its meaning, its picture.

import { nats, signed } from "../words.js";

/** @import { Column } from "./columns.js" */

/**
 * How terms are shown; a value in nats is divided by `per`.
 * @typedef {{ per: number, word: string, text: (value: number) => string }} Unit
 */

/**
 * Bits per dimension are a measure of 8-bit pixels alone.
 * @param {number} dimensions
 * @param {boolean} own whether the image has as many as the test images
 * @param {boolean} bits
 * @returns {Unit}
 */
export function unitOf(dimensions, own, bits) {
  if (own) return { per: 1, word: "nats", text: nats };
  const text = (/** @type {number} */ value) => signed(value, 3);
  return bits ? { per: dimensions * Math.LN2, word: "bits per dim", text }
    : { per: dimensions, word: "nats per dim", text };
}

/**
 * An error with two digits that count, and a plain zero where nothing is drawn.
 * @param {number | null} error
 */
export function errorText(error) {
  if (error === null) return "";
  if (error === 0) return " ± 0";
  const digits = Math.max(0, Math.min(6, 1 - Math.floor(Math.log10(error))));
  return ` ± ${error.toFixed(digits)}`;
}

/**
 * A standard error in words, or that it is not known.
 * @param {number | null} error
 * @param {string} over what it is over
 */
export function spreadText(error, over) {
  return error === null ? " (its standard error was not measured)"
    : `${errorText(error)} (standard error over ${over})`;
}

/**
 * @param {Column} column
 * @param {number} depth
 * @param {boolean} divergences whether every rate is a KL divergence, or only that of the top
 * @param {boolean} below whether the value is negative
 */
export function meaningOf(column, depth, divergences, below) {
  if (column.key === "elbo") return "all that it costs to describe the image: less is better";
  if (column.key === "rest") {
    return `its pixels, once the levels are known${below ? "; below zero where the density that "
      + "the model gives them exceeds 1" : ""}`;
  }
  if (column.key === "rates") return "what all levels say about it";
  if (column.level === depth) return "what the top level says about it, a KL divergence";
  if (column.row) {
    const { levels: { length }, span } = column.row;
    return length === 1 ? `what ${span} says about it`
      : `what ${span} say about it; press for each of its ${length} levels`;
  }
  return `what ${column.name} says about it${divergences ? ", a KL divergence"
    : "; below the top a rate may be negative"}`;
}

/** @param {Column} column */
export function pictureOf(column) {
  if (column.picture === "image") return "the image";
  if (column.picture === "reconstruction") return "the reconstruction";
  if (column.picture === "ladder") return "the ladder";
  const name = column.of || column.name;
  return column.first ? `${name} alone, on the ladder` : `what ${name} adds, on the ladder`;
}
