// The desk put together: one place (model, picture, recipe), and everything drawn from it.

function startDesk(root, server) {
  const transport = makeTransport(server);
  const state = makeState();
  const uploads = makeUploads();
  const screens = makeScreens(root);
  const ladder = makeLadder(root);
  const terms = makeTerms(root);
  const messages = makeMessages(root);
  const button = (action) => root.querySelector(`[data-action="${action}"]`);
  let opened = null; // the last answer to `open`
  let opening = 0;
  let ticket = 0;

  const live = makeLive(transport, {
    frame(answer) {
      screens.paint("edit", answer.frame);
      messages.clearNetwork();
    },
    details(answer) {
      ladder.paint(answer.ladder);
      bank.shadow(answer.shadowed);
    },
    failed: renderFailed,
    changed: showSettled,
  });
  const bank = makeBank(root, {
    slide(level, kind, index, sigma, merge) {
      bank.touched();
      const recipe = withEdit(state.here().recipe, level, kind, index, sigma);
      change(recipe, `${level}:${kind}:${index}`, merge);
    },
    policy(level, policy, key) {
      change(withPolicy(state.here().recipe, level, policy), key, Boolean(key));
    },
    temperature(value) {
      change({ ...state.here().recipe, temperature: value }, "temperature", false);
    },
    release() {
      state.release();
      syncButtons();
    },
    resetLevel: (level) => step(withoutLevel(state.here().recipe, level)),
  });
  const source = makeSource(root, {
    file: openFile,
    refer: (ref) => visit({ model: state.here().model, ref, recipe: null }),
    text: (text) => recipes.paste(text),
    failed: messages.fail,
  });
  const models = makeModels(root, transport, openModel);
  const recipes = makeRecipes(root, transport, messages, state, (recipe) => {
    bank.touched();
    step(recipe);
  });

  function settled() {
    return opening === 0 && live.settled();
  }

  function showSettled() {
    const now = String(settled());
    if (root.dataset.settled !== now) root.dataset.settled = now;
  }

  // ---- the recipe ----

  function change(recipe, key, merge) {
    state.change(recipe, key, merge);
    syncAll();
    live.show(recipe);
  }

  // A change that is a step of its own.
  function step(recipe) {
    change(recipe, null, false);
    state.release();
    syncButtons();
  }

  function syncAll() {
    bank.sync(state.here().recipe);
    syncButtons();
  }

  function syncButtons() {
    const { recipe } = state.here();
    button("undo").disabled = !state.canUndo();
    button("redo").disabled = !state.canRedo();
    button("reset").disabled = !differs(recipe);
    const count = countChanges(recipe);
    setText(root.querySelector("[data-changes]"), count === 0 ? "nothing changed yet"
      : `${count} ${count === 1 ? "change" : "changes"}`);
  }

  function renderFailed(error, recipe) {
    if (error.code === "unknown_image") {
      enter(state.here(), () => state.adopt(state.here())).catch(messages.fail);
      return;
    }
    messages.fail(error);
    // A picture that cannot be drawn is not kept: one step back, as far as there is one.
    if (recipe && error.code !== "network" && state.canUndo()) travelBack(state.discard());
  }

  // ---- places ----

  // Opens a place; `kept` runs once the server has it. Rejects and changes nothing on an error.
  async function enter(place, kept) {
    ticket += 1;
    const mine = ticket;
    opening += 1;
    showSettled();
    try {
      const answer = await openPlace(transport, uploads, place);
      if (mine !== ticket) return null;
      kept(answer);
      show(answer);
      return answer;
    } finally {
      opening -= 1;
      showSettled();
    }
  }

  function placeOf(answer) {
    return { model: answer.model.id, ref: answer.ref, recipe: answer.recipe };
  }

  function show(answer) {
    opened = answer;
    const { recipe } = answer;
    const [, height, width] = answer.model.image_shape;
    screens.setShape(height, width);
    root.style.setProperty("--model-aspect", `${width} / ${height}`);
    screens.paint("image", answer.image);
    screens.paint("reconstruction", answer.reconstruction);
    models.show(answer.model);
    bank.build(answer.model, answer.levels, recipe);
    ladder.build(answer.levels);
    terms.draw(answer.terms, answer.model.test);
    source.show(answer);
    bank.shadow({});
    syncAll();
    if (differs(recipe)) live.show(recipe);
    else {
      screens.paint("edit", answer.reconstruction);
      live.adopt(recipe);
    }
    messages.clear();
    if (answer.notices.length) messages.say(answer.notices.join(" "));
  }

  // Goes to another place, as one step that undo leaves.
  async function visit(place) {
    try {
      return await enter(place, (answer) => state.travel(placeOf(answer)));
    } catch (error) {
      messages.fail(error);
      return null;
    }
  }

  async function openModel(id) {
    const { ref, recipe } = state.here();
    const edited = differs(recipe);
    const go = (to) => enter({ model: id, ref: to, recipe: null },
      (answer) => state.travel(placeOf(answer)));
    let answer;
    try {
      answer = await go(ref).catch((error) => {
        if (ref.kind === "upload" || error.code === "network") throw error;
        return go({ kind: "example", index: 0 });
      });
    } catch (error) {
      models.restore();
      messages.fail(error);
      return;
    }
    if (answer && edited) {
      messages.say("Another model has other axes, so your edits stayed behind. "
        + "Undo brings them back.");
    }
  }

  async function openFile(name, data) {
    ticket += 1;
    const mine = ticket;
    opening += 1;
    showSettled();
    try {
      const answer = await transport.call("upload", { name, data });
      if (mine !== ticket) return;
      uploads.put(answer.key, name, data);
      if (answer.state) {
        uploads.put(answer.state.source_key, name, data); // the file brings its source again
        await openSaved(answer);
        return;
      }
      const ref = { kind: "upload", key: answer.key, crop: null, invert: null };
      const shown = await visit({ model: state.here().model, ref, recipe: null });
      if (shown && answer.notices.length) messages.say(answer.notices.join(" "));
    } catch (error) {
      messages.fail(error);
    } finally {
      opening -= 1;
      showSettled();
    }
  }

  // A PNG that Strata saved carries its recipe and its source.
  async function openSaved(answer) {
    const saved = answer.state;
    const whole = { kind: "upload", key: answer.key, crop: null, invert: null };
    if (!saved.model_id) {
      await visit({ model: state.here().model, ref: whole, recipe: null });
      messages.say("This picture was saved with a model that is not here, so it is opened as "
        + "a picture, without its edits.");
      return;
    }
    const ref = { kind: "upload", key: saved.source_key, crop: null, invert: false };
    const shown = await visit({ model: saved.model_id, ref, recipe: saved.recipe });
    if (shown) messages.say("Restored from the picture: its model, its source and its edits.");
  }

  // ---- undo, redo ----

  async function travelBack(place, undoIt) {
    const same = opened && place.model === opened.model.id
      && place.recipe.model === opened.model.hash
      && JSON.stringify(place.ref) === JSON.stringify(opened.ref);
    if (same) {
      syncAll();
      live.show(place.recipe);
      return;
    }
    try {
      await enter(place, (answer) => state.adopt(placeOf(answer)));
    } catch (error) {
      if (undoIt) undoIt();
      syncButtons();
      messages.fail(error);
    }
  }

  button("undo").addEventListener("click", () => travelBack(state.undo(), () => state.redo()));
  button("redo").addEventListener("click", () => travelBack(state.redo(), () => state.undo()));
  button("reset").addEventListener("click", () => step(zeroOf(state.here().recipe)));

  // ---- the page around ----

  function announced(event) {
    if (!root.isConnected) {
      window.removeEventListener("strata:models", announced);
      return;
    }
    const id = event.detail && event.detail.id;
    models.refresh().then(() => (id && state.here() ? openModel(id) : null), messages.fail);
  }

  async function boot() {
    const list = await models.refresh();
    if (!list.default) {
      throw new DeskError("There is no model to open yet. Train one in the Train tab, or start "
        + "Strata with --model and the folder of one.", "no_model");
    }
    const first = { model: list.default, ref: { kind: "example", index: 0 }, recipe: null };
    const adopt = (answer) => state.adopt(placeOf(answer));
    const place = storedPlace();
    if (place) {
      try {
        await enter(place, adopt);
        return;
      } catch (error) {
        if (error.code === "network") throw error;
        await enter({ ...place, recipe: null }, adopt).catch(() => enter(first, adopt));
        messages.say("The page could not bring back all of your last visit: "
          + `${error.message}`);
        return;
      }
    }
    await enter(first, adopt);
  }

  window.addEventListener("strata:models", announced);
  window.addEventListener("pagehide", state.save);
  window.strata = {
    recipe: () => (state.here() ? JSON.parse(JSON.stringify(state.here().recipe)) : null),
    settled,
  };
  boot().catch(messages.fail);
}

startDesk(element.querySelector("#strata-desk"), server);
