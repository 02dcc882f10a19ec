// The kinds of axes of a level, and what is said of a level and of them.

import { counted, nameOf } from "../words.js";

/** @import { Axis, Kind, Level } from "../types.js" */

/** @type {("coordinate" | "component")[]} */
const KINDS = ["coordinate", "component"];

/**
 * The kinds of axes of a level that it has any of, those to begin with first: of a level with
 * places the components of its channels, since one channel alone rarely means anything. Local ones
 * come last: they are found at the image when they are asked for.
 * @param {Level} level
 * @returns {Kind[]}
 */
export function kindsOf(level) {
  return level.local ? [...fixedKindsOf(level), "local"] : fixedKindsOf(level);
}

/**
 * The kinds whose axes are the same for every image.
 * @param {Level} level
 */
export function fixedKindsOf(level) {
  const kinds = level.map ? [...KINDS].reverse() : KINDS;
  return kinds.filter((kind) => level.axes[kind].length > 0);
}

/** @param {Level} level */
export const hasAxes = (level) => fixedKindsOf(level).length > 0;

/**
 * The axes of a kind that are the same for every image; none of a kind that has no such.
 * @param {Level} level
 * @param {Kind} kind
 * @returns {Axis[]}
 */
export function axesOf(level, kind) {
  return kind === "local" ? [] : level.axes[kind];
}

/**
 * @param {Level} level
 * @param {Kind} kind
 */
export function kindName(level, kind) {
  if (kind === "local") return "Local";
  if (kind === "component") return level.fields ? "Waves" : "Components";
  return level.map ? "Channels" : "Units";
}

/**
 * @param {Level} level
 * @param {Kind} kind
 */
export function kindHint(level, kind) {
  const things = level.map ? "places" : "images";
  if (kind === "local") {
    return "Found at this very picture: the small steps that move it most. The number is by how "
      + "much a pixel moves at one σ (from 0, black, to 1, white; RMS)";
  }
  if (kind === "component" && level.fields) {
    return "Broad waves of light and dark over the whole picture, the most telling first";
  }
  if (kind === "component") {
    return `Principal components: directions in which ${things} differ most, together`;
  }
  return level.map ? "One channel of the level each, the most telling first"
    : "One number of the level each, the most telling first";
}

/**
 * @param {Level} level
 * @param {number} depth
 */
export function roleOf(level, depth) {
  if (depth === 1) return "the only level";
  if (level.t === depth) return "top: the broad idea";
  if (level.t === 1) return "bottom: next to the pixels";
  return level.markov ? `drawn from ${nameOf(level.t + 1)}` : "drawn from all above";
}

/** @param {Level} level */
export function countUnits(level) {
  const folded = level.dead ? `, ${level.dead} inactive folded away` : "";
  return level.map ? `${counted(level.size, "channel")} of ${level.map.join("×")} places${folded}`
    : `${counted(level.size, "unit")}${folded}`;
}

/**
 * What the sliders of a level move while a region is active; null while none is.
 * @param {Level} level
 * @param {string | null} region what it is called
 */
export function whereWords(level, region) {
  if (!region) return null;
  if (!level.map) return { text: "whole picture", title: "This level is a vector: it has no "
    + "places, so its sliders move the whole picture whatever region is chosen" };
  return { text: `✎ ${region}`, title: `These sliders move ${region} only` };
}
