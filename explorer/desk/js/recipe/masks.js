// What a region covers, as the page shows it: explorer/render/masks.py on a grid of 256 × 256.

import { REGION_UNIT } from "./regions.js";

/** @import { Region, Shape } from "../types.js" */

/**
 * How much of a place a dab covers.
 * @param {number} radius
 * @param {number} distance from its middle, in the same unit
 */
function dabCover(radius, distance) {
  const cover = 0.5 + (Math.max(radius, 0.75) - distance) / Math.max(radius / 2, 1);
  return cover < 0 ? 0 : cover > 1 ? 1 : cover;
}

/**
 * Lays one shape over a mask.
 * @param {Float32Array} mask of 256 × 256
 * @param {Shape} shape
 */
export function layShape(mask, shape) {
  const size = REGION_UNIT;
  if (shape.length === 4) {
    const [left, top, right, bottom] = shape;
    for (let y = top; y < bottom; y += 1) mask.fill(1, y * size + left, y * size + right);
    return;
  }
  const [x, y, signedRadius] = shape;
  const radius = Math.abs(signedRadius);
  const reach = 1.25 * radius + 2;
  for (let row = Math.max(0, Math.floor(y - reach)); row < Math.min(size, y + reach); row += 1) {
    const from = Math.max(0, Math.floor(x - reach));
    for (let column = from; column < Math.min(size, x + reach); column += 1) {
      const cover = dabCover(radius, Math.hypot(column + 0.5 - x, row + 0.5 - y));
      const at = row * size + column;
      mask[at] = signedRadius < 0 ? Math.min(mask[at], 1 - cover) : Math.max(mask[at], cover);
    }
  }
}

/**
 * The share of each place that a region covers, 256 × 256; nothing for null.
 * @param {Region | null} region
 */
export function maskOf(region) {
  const mask = new Float32Array(REGION_UNIT * REGION_UNIT);
  for (const shape of region || []) layShape(mask, shape);
  return mask;
}
