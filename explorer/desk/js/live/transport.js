// How the desk calls the server by name. Everything that knows Gradio's `server` object is here;
// frames under a drag go over the socket.

const FUNCTION_PREFIX = "desk_";
const NEEDS_NO_IMAGE = ["open", "upload", "session", "models"];

export class DeskError extends Error {
  constructor(message, code) {
    super(message);
    this.code = code;
  }
}

// `pixels()` are those of the image of this page, as the server gave them.
export function makeTransport(server, pixels) {
  let bringing = null;

  async function once(name, payload) {
    let answer;
    try {
      answer = await server[FUNCTION_PREFIX + name](payload);
    } catch (problem) {
      answer = undefined;
    }
    if (answer === undefined || answer === null) {
      throw new DeskError("The server did not answer. Is it still running? Nothing of yours "
        + "is lost: the desk asks again when you change something.", "network");
    }
    if (answer.error) throw new DeskError(answer.error, answer.code || "internal");
    return answer;
  }

  // A server that forgot the image, or never had it since the page came from another one, is
  // given it; whoever asks meanwhile waits for the same. Resolves to the image's name.
  function bring() {
    bringing = bringing || once("keep", { pixels: pixels() })
      .then(({ image }) => image).finally(() => { bringing = null; });
    return bringing;
  }

  // Resolves to the answer, or rejects with a DeskError whose message is for a person.
  async function call(name, payload) {
    if (NEEDS_NO_IMAGE.includes(name)) return once(name, payload);
    if (bringing) await bringing.catch(() => null); // told where it is still missing
    try {
      return await once(name, payload);
    } catch (error) {
      if (error.code !== "unknown_image") throw error;
      await bring();
      return once(name, payload);
    }
  }

  return { call, bring };
}
