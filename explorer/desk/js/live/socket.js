// The socket of the live path: opened with the session's token, opened again whenever it closes.
// `heard` is {opened(), packet(packet), text(message), closed()}.

import { parsePacket } from "./packets.js";

const SOCKET_FIRST_WAIT = 250;
const SOCKET_LONGEST_WAIT = 10000;
const SOCKET_PATIENCE_MS = 5000;
const SERVER_STOPS = 1012; // it sends its pages to another one

export function makeSocket(root, transport, heard) {
  let socket = null;
  let timer = 0;
  let wait = SOCKET_FIRST_WAIT;
  let greeted = false;
  let device = "";
  let unreachable = false; // the server itself, not just its socket

  function address({ path, token }) {
    const url = new URL(path, document.baseURI);
    url.protocol = url.protocol.replace("http", "ws");
    url.search = new URLSearchParams({ token });
    return url;
  }

  function again(pause = wait) {
    clearTimeout(timer);
    if (!root.isConnected) return; // the page was built anew; another desk has its own
    timer = setTimeout(open, pause);
    wait = Math.min(2 * wait, SOCKET_LONGEST_WAIT);
  }

  function lost(mine, code) {
    if (mine !== socket) return;
    socket = null;
    greeted = false;
    again(code === SERVER_STOPS ? 0 : wait);
    heard.closed();
  }

  function listen(mine) {
    // One that is neither opened nor refused is given up.
    const patience = setTimeout(() => { mine.close(); lost(mine); }, SOCKET_PATIENCE_MS);
    mine.binaryType = "arraybuffer";
    mine.addEventListener("close", ({ code }) => { clearTimeout(patience); lost(mine, code); });
    mine.addEventListener("message", (event) => {
      if (mine !== socket) return;
      if (typeof event.data !== "string") {
        heard.packet(parsePacket(event.data));
        return;
      }
      const message = JSON.parse(event.data);
      if (!message.hello) {
        heard.text(message);
        return;
      }
      clearTimeout(patience);
      wait = SOCKET_FIRST_WAIT;
      greeted = true;
      device = message.hello.device;
      heard.opened();
    });
  }

  async function open() {
    let session;
    try {
      session = await transport.call("session", {});
      unreachable = false;
    } catch (problem) {
      unreachable = true;
      again();
      return;
    }
    try {
      socket = new WebSocket(address(session));
    } catch (problem) {
      again(); // forbidden by the page's surroundings
      return;
    }
    listen(socket);
  }

  window.addEventListener("pagehide", () => { if (socket) socket.close(); });
  open();

  return {
    ready: () => greeted && socket.readyState === WebSocket.OPEN,
    send: (message) => socket.send(JSON.stringify(message)),
    device: () => device,
    unreachable: () => unreachable,
    // The server answered another way: it is back, so there is no reason to wait any longer.
    hurry() {
      if (!unreachable) return;
      unreachable = false;
      wait = SOCKET_FIRST_WAIT;
      again();
    },
  };
}
