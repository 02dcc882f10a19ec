// The binary messages of the live path: a header of 24 bytes and the picture behind it, as
// `explorer/live/packets.py` writes them; and pictures as bytes.

import { base64ToBytes } from "../values.js";

/** @import { Frame, Packet } from "../types.js" */

const HEADER_BYTES = 24;
const RUNG = 2;
const RAW = 0;
const JPEG = 1;

/**
 * @param {ArrayBuffer} buffer
 * @returns {Packet}
 */
export function parsePacket(buffer) {
  const view = new DataView(buffer);
  const format = view.getUint8(1);
  const body = new Uint8Array(buffer, HEADER_BYTES);
  const [width, height] = [view.getUint16(8, true), view.getUint16(10, true)];
  const type = format === JPEG ? "image/jpeg" : "image/png";
  return {
    kind: view.getUint8(0) === RUNG ? "rung" : "frame",
    seq: view.getUint32(4, true),
    level: view.getUint8(3),
    decodeMs: view.getUint32(12, true) / 1000,
    serverMs: view.getUint32(16, true) / 1000,
    depth: view.getUint16(20, true),
    exact: format !== JPEG,
    picture: format === RAW ? fromRaw(body, view.getUint8(2), width, height)
      : createImageBitmap(new Blob([body], { type })),
  };
}

/**
 * Bytes as ImageData, which a canvas takes as it is.
 * @param {Uint8Array} bytes
 * @param {number} channels 1 for grey, 3 for RGB
 * @param {number} width
 * @param {number} height
 */
function fromRaw(bytes, channels, width, height) {
  const pixels = new ImageData(width, height);
  const words = new Uint32Array(pixels.data.buffer);
  if (channels === 1) {
    for (let at = 0; at < words.length; at += 1) words[at] = 0xff000000 | (bytes[at] * 0x010101);
  } else {
    for (let at = 0, from = 0; at < words.length; at += 1, from += 3) {
      words[at] = 0xff000000 | (bytes[from + 2] << 16) | (bytes[from + 1] << 8) | bytes[from];
    }
  }
  return pixels;
}

/** @param {Frame} frame */
export function fromJson(frame) {
  return fromRaw(base64ToBytes(frame.rgb), 3, frame.w, frame.h);
}
