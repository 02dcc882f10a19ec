// Regions, as values (explorer/recipe/regions.py): lists of shapes, a dab or a rectangle, in
// units of 1/256 of the picture's side; and the brush of a place.

/** @import { Brush, Edit, Rectangle, Region, Shape } from "../types.js" */

export const REGION_UNIT = 256;
export const MOST_SHAPES = 512;
export const MOST_REGIONS = 16;

/** @type {Brush} */
export const NO_BRUSH = { regions: [], active: -1 };

/** @type {Record<string, Rectangle>} */
export const PRESETS = {
  "left half": [0, 0, 128, 256],
  "right half": [128, 0, 256, 256],
  "top half": [0, 0, 256, 128],
  "bottom half": [0, 128, 256, 256],
  "middle": [64, 64, 192, 192],
};

/**
 * The order of lists of numbers, as Python has it for tuples.
 * @param {readonly number[]} a
 * @param {readonly number[]} b
 */
function compareShapes(a, b) {
  for (let at = 0; at < Math.min(a.length, b.length); at += 1) {
    if (a[at] !== b[at]) return a[at] - b[at];
  }
  return a.length - b.length;
}

/**
 * The order of regions, as Python has it for tuples of tuples.
 * @param {Region} a
 * @param {Region} b
 */
export function compareRegions(a, b) {
  for (let at = 0; at < Math.min(a.length, b.length); at += 1) {
    const order = compareShapes(a[at], b[at]);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

/**
 * Whether two are the same region, or both the whole picture (null).
 * @param {Region | null} a
 * @param {Region | null} b
 */
export function sameRegion(a, b) {
  return a === b || (a !== null && b !== null && compareRegions(a, b) === 0);
}

/**
 * Where a region is in a list; −1 if it is not.
 * @param {readonly Region[]} regions
 * @param {Region} region
 */
export function regionAt(regions, region) {
  return regions.findIndex((one) => sameRegion(one, region));
}

/**
 * The regions of edits, sorted, each once.
 * @param {readonly Edit[]} edits
 */
export function regionsOf(edits) {
  /** @type {Region[]} */
  const found = [];
  for (const { region } of edits) {
    if (region && regionAt(found, region) < 0) found.push(region);
  }
  return found.sort(compareRegions);
}

/** @param {Shape} shape */
function erases(shape) {
  return shape.length === 3 && shape[2] < 0;
}

/**
 * Each run of shapes that commute is sorted, without repetitions; null if nothing is painted.
 * @param {readonly Shape[]} shapes
 * @returns {Region | null}
 */
export function canonicalRegion(shapes) {
  /** @type {Shape[][]} */
  const runs = [];
  for (const shape of shapes) {
    const run = runs[runs.length - 1];
    if (run && erases(run[0]) === erases(shape)) run.push(shape);
    else if (runs.length || !erases(shape)) runs.push([shape]);
  }
  const sorted = runs.flatMap((run) => run.sort(compareShapes)
    .filter((shape, at) => at === 0 || compareShapes(shape, run[at - 1]) !== 0));
  return sorted.length ? sorted : null;
}

/** @param {Brush} brush */
export function activeRegion(brush) {
  return brush.active < 0 ? null : brush.regions[brush.active];
}

/**
 * The brush that goes with edits: their regions, and the active one even if nothing moved yet.
 * @param {readonly Edit[]} edits
 * @param {Brush} brush
 * @returns {Brush}
 */
export function brushFor(edits, brush) {
  const active = activeRegion(brush);
  const used = regionsOf(edits);
  const known = brush.regions.filter((region) =>
    region === active || regionAt(used, region) >= 0);
  const more = used.filter((region) => regionAt(known, region) < 0);
  if (known.length === brush.regions.length && !more.length) return brush;
  const regions = [...known, ...more];
  return { regions, active: active ? regions.indexOf(active) : -1 };
}
