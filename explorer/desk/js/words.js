// Levels and numbers as a person reads them.

const SUBSCRIPTS = "₀₁₂₃₄₅₆₇₈₉";
const HUES = [205, 262, 312, 5, 62, 140, 235, 285];

/**
 * The name of a level by its subscript: z₃.
 * @param {number} level
 */
export function nameOf(level) {
  return "z" + String(level).replace(/[0-9]/g, (digit) => SUBSCRIPTS[Number(digit)]);
}

/**
 * One colour per level, the same in the bank, the ladder and the terms; a hue in degrees.
 * @param {number} level
 */
export function hueOf(level) {
  return HUES[(level - 1) % HUES.length];
}

/**
 * A number with its digits after the point, and a true minus sign, so that columns line up.
 * @param {number} value
 * @param {number} digits
 */
export function signed(value, digits) {
  const text = Math.abs(value).toFixed(digits);
  return (value < 0 && Number(text) !== 0 ? "−" : "") + text;
}

/**
 * Nats with as many digits as a reader can use: 17,204 but 8.61.
 * @param {number} value
 */
export function nats(value) {
  const size = Math.abs(value);
  if (size < 1000) return signed(value, size < 100 ? 2 : 1);
  return (value < 0 ? "−" : "") + Math.round(size).toLocaleString("en-GB");
}

/**
 * A count with its noun.
 * @param {number} count
 * @param {string} noun in the singular
 */
export function counted(count, noun) {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
