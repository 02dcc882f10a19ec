// The binary messages of the live path: a header of 24 bytes and the picture behind it, as
// `explorer/packets.py` writes them.

import { base64ToBytes } from "../tools.js";

const PACKET_HEADER = 24;
const PACKET_KINDS = { 1: "frame", 2: "rung" };
const PACKET_TYPES = { 1: "image/jpeg", 2: "image/png" };

// {kind, seq, level, decodeMs, serverMs, depth, exact, picture}; `picture` is a promise only
// where the picture has to be decoded first.
export function parsePacket(buffer) {
  const view = new DataView(buffer);
  const format = view.getUint8(1);
  const body = new Uint8Array(buffer, PACKET_HEADER);
  const [width, height] = [view.getUint16(8, true), view.getUint16(10, true)];
  return {
    kind: PACKET_KINDS[view.getUint8(0)],
    seq: view.getUint32(4, true),
    level: view.getUint8(3),
    decodeMs: view.getUint32(12, true) / 1000,
    serverMs: view.getUint32(16, true) / 1000,
    depth: view.getUint16(20, true),
    exact: format !== 1,
    picture: format === 0 ? fromRaw(body, view.getUint8(2), width, height)
      : createImageBitmap(new Blob([body], { type: PACKET_TYPES[format] })),
  };
}

// Grey or RGB bytes as ImageData, which a canvas takes as it is.
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

// A picture as the server functions give it, {w, h, rgb}.
export function fromJson(frame) {
  return fromRaw(base64ToBytes(frame.rgb), 3, frame.w, frame.h);
}
