// Small helpers for plain values.

/**
 * @param {number} value
 * @param {number} low
 * @param {number} high
 */
export function clamp(value, low, high) {
  return Math.min(high, Math.max(low, value));
}

/**
 * Whether two lists hold the very same values in the same order.
 * @template T
 * @param {readonly T[]} a
 * @param {readonly T[]} b
 */
export function sameItems(a, b) {
  return a.length === b.length && a.every((item, at) => item === b[at]);
}

/**
 * Whether two plain values are written alike in JSON.
 * @param {unknown} a
 * @param {unknown} b
 */
export function sameValue(a, b) {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}

/** @param {Uint8Array} bytes */
export function bytesToBase64(bytes) {
  let text = "";
  for (let at = 0; at < bytes.length; at += 32768) {
    text += String.fromCharCode(...bytes.subarray(at, at + 32768));
  }
  return btoa(text);
}

/**
 * @param {string} text
 * @returns {Uint8Array<ArrayBuffer>}
 */
export function base64ToBytes(text) {
  const raw = atob(text);
  const bytes = new Uint8Array(raw.length);
  for (let at = 0; at < raw.length; at += 1) bytes[at] = raw.charCodeAt(at);
  return bytes;
}

export function randomSeed() {
  return Math.floor(Math.random() * 100000);
}

/**
 * Calls `work` once after `wait` quiet milliseconds.
 * @param {number} wait
 * @param {() => void} work
 */
export function later(wait, work) {
  /** @type {ReturnType<typeof setTimeout> | 0} */
  let timer = 0;
  return {
    ask() {
      clearTimeout(timer);
      timer = setTimeout(() => { timer = 0; work(); }, wait);
    },
    drop() {
      clearTimeout(timer);
      timer = 0;
    },
    waiting() {
      return timer !== 0;
    },
  };
}
