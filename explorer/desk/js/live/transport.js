// How the desk calls the server by name. Everything that knows Gradio's `server` object is here;
// frames under a drag go over the socket.

import { DeskError, codeOf } from "../errors.js";
import { toWire, withoutWire } from "../recipe/wire.js";

/** @import { Server } from "../../../page/component.js" */
/** @import { Calls, Pixels, WireRecipe } from "../types.js" */
/** @typedef {ReturnType<typeof makeTransport>} Transport */
/** @typedef {Transport["call"]} Call */

/**
 * An answer as it comes; of what else is in it `Calls` tells.
 * @typedef {object} Answer
 * @property {string} [error]
 * @property {string} [code]
 * @property {string} [image]
 * @property {WireRecipe} [recipe]
 * @property {{ recipe: WireRecipe } | null} [state]
 */

const FUNCTION_PREFIX = "desk_";
const NEEDS_NO_IMAGE = ["open", "upload", "session", "models"];

/**
 * @param {Server} server
 * @param {() => Pixels} pixels those of the image of this page, as the server gave them
 */
export function makeTransport(server, pixels) {
  /** @type {Promise<string> | null} */
  let bringing = null;

  /**
   * @param {string} name
   * @param {object} request as it leaves the page
   * @returns {Promise<Answer>}
   */
  async function once(name, request) {
    const answer = /** @type {Answer | null | undefined} */ (
      await server[FUNCTION_PREFIX + name](request).catch(() => null));
    if (!answer) {
      throw new DeskError("The server did not answer. Is it still running? Nothing of yours "
        + "is lost: the desk asks again when you change something.", "network");
    }
    if (answer.error) throw new DeskError(answer.error, answer.code || "internal");
    return answer;
  }

  /**
   * A server that forgot the image, or never had it since the page came from another one, is
   * given it; whoever asks meanwhile waits for the same. Resolves to the image's hash.
   */
  function bring() {
    bringing ??= once("keep", { pixels: pixels() })
      .then(({ image = "" }) => image).finally(() => { bringing = null; });
    return bringing;
  }

  /**
   * @param {string} name
   * @param {object} request as it leaves the page
   */
  async function withImage(name, request) {
    if (NEEDS_NO_IMAGE.includes(name)) return once(name, request);
    if (bringing) await bringing.catch(() => null); // told where it is still missing
    try {
      return await once(name, request);
    } catch (error) {
      if (codeOf(error) !== "unknown_image") throw error;
      await bring();
      return once(name, request);
    }
  }

  return {
    bring,
    /**
     * Resolves to the answer, or rejects with a DeskError whose message is for a person.
     * @template {keyof Calls} N
     * @param {N} name
     * @param {Calls[N][0]} request
     * @returns {Promise<Calls[N][1]>}
     */
    async call(name, request) {
      return /** @type {Calls[N][1]} */ (received(await withImage(name, sent(request))));
    },
    /**
     * Rejects with what is wrong with a recipe that came from outside.
     * @param {WireRecipe} recipe
     */
    judge: (recipe) => withImage("render", { seq: 0, recipe }),
  };
}

/**
 * A request as it leaves the page.
 * @param {Calls[keyof Calls][0]} request
 */
function sent(request) {
  return "recipe" in request && request.recipe
    ? { ...request, recipe: toWire(request.recipe) } : request;
}

/**
 * An answer with the recipe in it as the page has it: of a place, or of a file that carried one.
 * @param {Answer} answer
 * @returns {object}
 */
function received({ recipe, state, ...rest }) {
  if (recipe) return withoutWire({ ...rest, recipe });
  return state === undefined ? rest : { ...rest, state: state && withoutWire(state) };
}
