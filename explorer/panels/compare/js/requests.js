// What the Compare tab asks of the server (explorer/panels/compare/panel.py).

/** @import { Server } from "../../../page/component.js" */

/**
 * What is chosen.
 * @typedef {object} Choice
 * @property {string[]} ids of the models, the first of which gives the test pictures
 * @property {{ kind: string, index?: number }} image
 * @property {number} seed of the draws
 */

/**
 * What there is to choose from for a choice, as HTML; a list has one for each slot.
 * @typedef {object} Offer
 * @property {Choice} choice the one that is possible
 * @property {string} notice
 * @property {string[]} slots
 * @property {string[]} cards
 * @property {string[]} redrawn
 * @property {string} bars
 * @property {string} table
 */

/** @typedef {{ name: string, data: string }} GivenFile as a data URL */

/** @typedef {ReturnType<typeof makeRequests>} Requests */

/**
 * @param {Server} server
 * @param {() => Choice} choice
 */
export function makeRequests(server, choice) {
  /** @type {GivenFile | null} */
  let given = null; // the last one, for a server that does not have it (any more)

  /**
   * @param {string} name
   * @param {object} more
   */
  async function once(name, more) {
    const request = { choice: choice(), ...more };
    const answer = await server[`compare_${name}`](request).catch(() => null);
    if (!answer) throw new Error("The server did not answer. Is it still running?");
    return /** @type {{ error?: string, code?: string }} */ (answer);
  }

  /**
   * Resolves to the answer, or rejects with an error whose message is for a person.
   * @param {string} name
   * @param {object} [more]
   * @returns {Promise<unknown>}
   */
  async function ask(name, more = {}) {
    let answer = await once(name, more);
    if (answer.code === "unknown_image" && given) {
      await once("upload", given);
      answer = await once(name, more);
    }
    if (answer.error) throw new Error(answer.error);
    return answer;
  }

  return {
    /** @returns {Promise<Offer>} */
    offer: async () => /** @type {Offer} */ (await ask("offer")),
    /**
     * What a part of the tab shows.
     * @param {string} name
     * @param {{ slot?: number, share?: number }} [more]
     */
    async html(name, more) {
      return /** @type {{ html: string, total?: string }} */ (await ask(name, more));
    },
    /**
     * Gives the server a picture; resolves to what names it.
     * @param {GivenFile} file
     */
    async upload(file) {
      const answer = await ask("upload", file);
      given = file;
      return /** @type {{ image: Choice["image"], notice: string }} */ (answer);
    },
  };
}
