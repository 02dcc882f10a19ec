// Small helpers that every part of the desk uses.

const SUBSCRIPTS = "₀₁₂₃₄₅₆₇₈₉";
const HUES = [205, 262, 312, 5, 62, 140, 235, 285];

export function nameOf(level) {
  return "z" + String(level).replace(/[0-9]/g, (digit) => SUBSCRIPTS[digit]);
}

// One calm colour per level, the same in the bank, the ladder and the terms.
export function hueOf(level) {
  return HUES[(level - 1) % HUES.length];
}

// A DOM element: make("button", {class: "x", "data-a": 1, onclick: f}, "text", child).
export function make(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (key === "style") node.style.cssText = value;
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

// A text node that is there is kept: new nodes would have the browser match the styles again.
export function setText(node, text) {
  const only = node.childNodes.length === 1 ? node.firstChild : null;
  if (!only || only.nodeType !== Node.TEXT_NODE) node.textContent = text;
  else if (only.data !== text) only.data = text;
}

// An attribute set to what it was would have the browser match the styles again too.
export function setHidden(node, hidden) {
  if (node.hidden !== hidden) node.hidden = hidden;
}

export function clamp(value, low, high) {
  return Math.min(high, Math.max(low, value));
}

// Whether two lists hold the very same values in the same order.
export function sameItems(a, b) {
  return a.length === b.length && a.every((item, at) => item === b[at]);
}

// A true minus sign, so that columns of numbers line up and read well.
export function signed(value, digits) {
  const text = Math.abs(value).toFixed(digits);
  return (value < 0 && Number(text) !== 0 ? "−" : "") + text;
}

// Nats with as many digits as a reader can use: 17,204 but 8.61.
export function nats(value) {
  const size = Math.abs(value);
  if (size < 1000) return signed(value, size < 100 ? 2 : 1);
  return (value < 0 ? "−" : "") + Math.round(size).toLocaleString("en-GB");
}

export function bytesToBase64(bytes) {
  let text = "";
  for (let at = 0; at < bytes.length; at += 32768) {
    text += String.fromCharCode.apply(null, bytes.subarray(at, at + 32768));
  }
  return btoa(text);
}

export function base64ToBytes(text) {
  const raw = atob(text);
  const bytes = new Uint8Array(raw.length);
  for (let at = 0; at < raw.length; at += 1) bytes[at] = raw.charCodeAt(at);
  return bytes;
}

export function randomSeed() {
  return Math.floor(Math.random() * 100000);
}

// Calls `work` once after `wait` quiet milliseconds.
export function later(wait, work) {
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
