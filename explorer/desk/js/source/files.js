// A file becomes a place: a picture to explore, or one saved here with its recipe and source.

// `acts` are {begin(), visit(place)}, as in main.
export function makeFiles(transport, uploads, state, messages, acts) {
  // A PNG that Strata saved carries its recipe and its source.
  async function openSaved(answer) {
    const saved = answer.state;
    const whole = { kind: "upload", key: answer.key, crop: null, invert: null };
    if (!saved.model_id) {
      await acts.visit({ model: state.here().model, ref: whole, recipe: null });
      messages.say("This picture was saved with a model that is not here, so it is opened as "
        + "a picture, without its edits.");
      return;
    }
    const ref = { kind: "upload", key: saved.source_key, crop: null, invert: false };
    const shown = await acts.visit({ model: saved.model_id, ref, recipe: saved.recipe });
    if (shown) messages.say("Restored from the picture: its model, its source and its edits.");
  }

  async function openUpload(answer) {
    const ref = { kind: "upload", key: answer.key, crop: null, invert: null };
    const shown = await acts.visit({ model: state.here().model, ref, recipe: null });
    if (shown && answer.notices.length) messages.say(answer.notices.join(" "));
  }

  return async (name, data) => {
    const mine = acts.begin();
    try {
      const answer = await transport.call("upload", { name, data });
      if (mine.stale()) return;
      uploads.put(answer.key, name, data);
      if (answer.state) uploads.put(answer.state.source_key, name, data); // its source again
      await (answer.state ? openSaved(answer) : openUpload(answer));
    } catch (error) {
      messages.fail(error);
    } finally {
      mine.end();
    }
  };
}
