// The socket of the live path: opened with the session's token, opened again whenever it closes.

import { toWire } from "../recipe/wire.js";
import { parsePacket } from "./packets.js";

/** @import { Packet, Reasons, Recipe } from "../types.js" */
/** @import { Transport } from "./transport.js" */

const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 10000;
const OPENING_MS = 5000; // a socket that is neither opened nor refused by then is given up
const SERVICE_RESTART = 1012; // the server sends its pages to another one

/**
 * What the server says of a request in words: the end of its ladder, or what is wrong.
 * @typedef {{ seq: number, shadowed?: Reasons, error?: string, code?: string }} Told
 */

/**
 * @param {HTMLElement} root
 * @param {Transport} transport
 * @param {object} on
 * @param {() => void} on.opened
 * @param {(packet: Packet) => void} on.packet
 * @param {(message: Told) => void} on.text
 * @param {() => void} on.closed
 */
export function makeSocket(root, transport, on) {
  /** @type {WebSocket | null} */
  let socket = null;
  let timer = 0;
  let wait = FIRST_WAIT_MS;
  let greeted = false;
  let device = "";
  let unreachable = false; // the server itself, not just its socket

  function again(pause = wait) {
    clearTimeout(timer);
    if (!root.isConnected) return; // the page was built anew; another desk has its own
    timer = setTimeout(open, pause);
    wait = Math.min(2 * wait, LONGEST_WAIT_MS);
  }

  /**
   * @param {WebSocket} mine
   * @param {number} [code]
   */
  function lost(mine, code) {
    if (mine !== socket) return;
    socket = null;
    greeted = false;
    again(code === SERVICE_RESTART ? 0 : wait);
    on.closed();
  }

  /** @param {{ device: string }} hello */
  function greet(hello) {
    wait = FIRST_WAIT_MS;
    greeted = true;
    device = hello.device;
    on.opened();
  }

  /** @param {WebSocket} mine */
  function listen(mine) {
    const giveUp = setTimeout(() => { mine.close(); lost(mine); }, OPENING_MS);
    mine.binaryType = "arraybuffer";
    mine.addEventListener("close", ({ code }) => { clearTimeout(giveUp); lost(mine, code); });
    mine.addEventListener("message", ({ data }) => {
      if (mine !== socket) return;
      if (typeof data !== "string") {
        on.packet(parsePacket(data));
        return;
      }
      const message = JSON.parse(data);
      if (!message.hello) {
        on.text(message);
        return;
      }
      clearTimeout(giveUp);
      greet(message.hello);
    });
  }

  async function open() {
    let session;
    try {
      session = await transport.call("session", {});
      unreachable = false;
    } catch {
      unreachable = true;
      again();
      return;
    }
    try {
      socket = new WebSocket(addressOf(session));
    } catch {
      again(); // forbidden by the page's surroundings
      return;
    }
    listen(socket);
  }

  window.addEventListener("pagehide", () => socket?.close());
  open();

  return {
    isReady: () => greeted && socket?.readyState === WebSocket.OPEN,
    /** @param {{ seq: number, recipe: Recipe, lossy: boolean, drawn: boolean }} message */
    send(message) {
      socket?.send(JSON.stringify({ ...message, recipe: toWire(message.recipe) }));
    },
    device: () => device,
    isUnreachable: () => unreachable,
    /** The server answered another way: there is no reason to wait any longer. */
    retryNow() {
      if (!unreachable) return;
      unreachable = false;
      wait = FIRST_WAIT_MS;
      again();
    },
  };
}

/** @param {{ path: string, token: string }} session */
function addressOf({ path, token }) {
  const url = new URL(path, document.baseURI);
  url.protocol = url.protocol.replace("http", "ws");
  url.search = new URLSearchParams({ token }).toString();
  return url;
}
