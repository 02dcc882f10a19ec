// Regions, as values (regions.py): lists of shapes, a dab [x, y, r] (r < 0 erases) or a rectangle
// [left, top, right, bottom], in units of 1/256 of the picture's side. The brush of a place is
// {regions, active}: those that there are, and the one that sliders move, or -1 for the whole
// picture.

export const REGION_UNIT = 256;
export const MOST_SHAPES = 512;
export const MOST_REGIONS = 16;
export const NO_BRUSH = { regions: [], active: -1 };
export const PRESETS = {
  "left half": [0, 0, 128, 256],
  "right half": [128, 0, 256, 256],
  "top half": [0, 0, 256, 128],
  "bottom half": [0, 128, 256, 256],
  "middle": [64, 64, 192, 192],
};

// The order of nested lists of numbers, as Python has it for tuples.
export function compareNested(a, b) {
  if (!Array.isArray(a)) return a - b;
  for (let at = 0; at < Math.min(a.length, b.length); at += 1) {
    const order = compareNested(a[at], b[at]);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

export function regionAt(regions, region) {
  return regions.findIndex((one) => one === region || compareNested(one, region) === 0);
}

function erases(shape) {
  return shape.length === 3 && shape[2] < 0;
}

// Each run of shapes that commute is sorted, without repetitions; null if nothing is painted.
export function canonicalRegion(shapes) {
  const runs = [];
  for (const shape of shapes) {
    const run = runs[runs.length - 1];
    if (run && erases(run[0]) === erases(shape)) run.push(shape);
    else if (runs.length || !erases(shape)) runs.push([shape]);
  }
  const sorted = runs.flatMap((run) => run.sort(compareNested)
    .filter((shape, at) => at === 0 || compareNested(shape, run[at - 1]) !== 0));
  return sorted.length ? sorted : null;
}

export function activeRegion(brush) {
  return brush.active < 0 ? null : brush.regions[brush.active];
}

// The brush that goes with a recipe: its regions, and the active one even if nothing moved yet.
export function brushFor(recipe, brush) {
  const active = activeRegion(brush);
  const known = brush.regions.filter((region) =>
    region === active || regionAt(recipe.regions, region) >= 0);
  const more = recipe.regions.filter((region) => regionAt(known, region) < 0);
  if (known.length === brush.regions.length && !more.length) return brush;
  const regions = [...known, ...more];
  return { regions, active: active ? regions.indexOf(active) : -1 };
}

// ---- what a region covers, as the page shows it: masks.py on a grid of 256 × 256 ----

function dabCover(radius, distance) {
  const cover = 0.5 + (Math.max(radius, 0.75) - distance) / Math.max(radius / 2, 1);
  return cover < 0 ? 0 : cover > 1 ? 1 : cover;
}

// Lays one shape over a mask, a Float32Array of 256 × 256.
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

export function maskOf(region) {
  const mask = new Float32Array(REGION_UNIT * REGION_UNIT);
  for (const shape of region || []) layShape(mask, shape);
  return mask;
}
