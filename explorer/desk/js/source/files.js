// A file becomes a place: a picture to explore, or one saved here with its recipe and source.

/** @import { Transport } from "../live/transport.js" */
/** @import { Messages } from "../messages.js" */
/** @import { Places } from "../places.js" */
/** @import { State } from "../recipe/state.js" */
/** @import { Uploads } from "../recipe/storage.js" */
/** @import { Opened, Target, Uploaded } from "../types.js" */

/**
 * @param {Transport} transport
 * @param {Uploads} uploads
 * @param {State} state
 * @param {Messages} messages
 * @param {object} actions
 * @param {Places["begin"]} actions.begin
 * @param {(target: Target) => Promise<Opened | null>} actions.visit
 */
export function makeFiles(transport, uploads, state, messages, actions) {
  /** @param {string} key */
  function visitUpload(key) {
    return actions.visit({ model: state.here().model,
      ref: { kind: "upload", key, crop: null, invert: null }, recipe: null });
  }

  /**
   * A PNG that Strata saved carries its recipe and its source.
   * @param {string} key
   * @param {NonNullable<Uploaded["state"]>} saved
   */
  async function openSaved(key, saved) {
    if (!saved.model_id) {
      await visitUpload(key);
      messages.say("This picture was saved with a model that is not here, so it is opened as "
        + "a picture, without its edits.");
      return;
    }
    const shown = await actions.visit({ model: saved.model_id,
      ref: { kind: "upload", key: saved.source_key, crop: null, invert: false },
      recipe: saved.recipe });
    if (shown) messages.say("Restored from the picture: its model, its source and its edits.");
  }

  /** @param {Uploaded} answer */
  async function openUpload({ key, notices }) {
    const shown = await visitUpload(key);
    if (shown && notices.length) messages.say(notices.join(" "));
  }

  /**
   * @param {string} name
   * @param {string} data in base64
   */
  return async (name, data) => {
    const mine = actions.begin();
    try {
      const answer = await transport.call("upload", { name, data });
      if (mine.isStale()) return;
      uploads.put(answer.key, name, data);
      if (answer.state) uploads.put(answer.state.source_key, name, data); // its source again
      await (answer.state ? openSaved(answer.key, answer.state) : openUpload(answer));
    } catch (error) {
      messages.fail(error);
    } finally {
      mine.end();
    }
  };
}
