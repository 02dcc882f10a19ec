import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { fromJson, parsePacket } from "../../../../../explorer/desk/js/live/packets.js";
import { bytesToBase64 } from "../../../../../explorer/desk/js/values.js";

/** As much of the browser's as a picture needs. */
class FakeImageData {
  /** @param {number} width @param {number} height */
  constructor(width, height) {
    this.width = width;
    this.height = height;
    this.data = new Uint8ClampedArray(4 * width * height);
  }
}

beforeEach(() => {
  Object.assign(globalThis, {
    ImageData: FakeImageData,
    createImageBitmap: async (/** @type {Blob} */ blob) => blob,
  });
});

/**
 * A message as explorer/live/packets.py writes it.
 * @param {{ kind?: number, format: number, channels?: number, level?: number }} head
 * @param {number[]} body
 */
function message({ kind = 1, format, channels = 3, level = 0 }, body) {
  const bytes = new Uint8Array(24 + body.length);
  const view = new DataView(bytes.buffer);
  bytes.set([kind, format, channels, level]);
  view.setUint32(4, 70000, true);
  view.setUint16(8, 2, true);
  view.setUint16(10, 1, true);
  view.setUint32(12, 2500, true);
  view.setUint32(16, 4000, true);
  view.setUint16(20, 3, true);
  bytes.set(body, 24);
  return bytes.buffer;
}

test("a raw frame is there at once, with all that its header says", () => {
  const { picture, ...rest } = parsePacket(message({ format: 0 }, [1, 2, 3, 4, 5, 6]));
  assert.deepEqual(rest, { kind: "frame", seq: 70000, level: 0, decodeMs: 2.5, serverMs: 4,
    depth: 3, exact: true });
  assert.ok(picture instanceof globalThis.ImageData);
  assert.deepEqual([...picture.data], [1, 2, 3, 255, 4, 5, 6, 255]);
  assert.deepEqual([picture.width, picture.height], [2, 1]);
});

test("grey has three equal channels on the screen", () => {
  const { picture } = parsePacket(message({ format: 0, channels: 1 }, [7, 255]));
  assert.ok(picture instanceof globalThis.ImageData);
  assert.deepEqual([...picture.data], [7, 7, 7, 255, 255, 255, 255, 255]);
});

test("JPEG is not exact and PNG is, and both are decoded first", async () => {
  for (const [format, type, exact] of /** @type {const} */ ([[1, "image/jpeg", false],
    [2, "image/png", true]])) {
    const packet = parsePacket(message({ kind: 2, format, level: 5 }, [9, 8]));
    assert.deepEqual([packet.kind, packet.level, packet.exact], ["rung", 5, exact]);
    const blob = /** @type {any} */ (await packet.picture);
    assert.equal(blob.type, type);
    assert.deepEqual([...new Uint8Array(await blob.arrayBuffer())], [9, 8]);
  }
});

test("a picture of the server functions is the same picture", () => {
  const rgb = bytesToBase64(new Uint8Array([1, 2, 3, 4, 5, 6]));
  assert.deepEqual(fromJson({ w: 2, h: 1, rgb }),
    parsePacket(message({ format: 0 }, [1, 2, 3, 4, 5, 6])).picture);
});
