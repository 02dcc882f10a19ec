// The Compare tab in the page: what is chosen lives here, what is shown of it comes as HTML.
// The newest choice wins: what arrives for an older one is dropped.

export function start({ element, server }) {
  const SLOTS = 4;
  const SAMPLES = 6; // seeds that one look at a model takes
  const find = (name, at) => element.querySelector(at === undefined ? `[data-${name}]`
    : `[data-${name}="${at}"]`);
  const slots = [...Array(SLOTS).keys()];

  let choice = { ids: [], image: { kind: "example", index: 0 }, seed: 0 };
  let turn = 0; // counts the choices
  let strip = ""; // whose test pictures are shown
  let given = null; // the file uploaded last, for a server that does not have it (any more)
  let works = 0; // looks and perturbations under way

  // What it says of itself while something is still to come.
  function work(more) {
    works += more;
    element.firstElementChild.setAttribute("aria-busy", String(works > 0));
  }

  function say(name, text) {
    const node = find(name);
    node.hidden = !text;
    node.textContent = text || "";
  }

  async function call(name, more) {
    let answer = null;
    try {
      answer = await server[`compare_${name}`]({ choice, ...more });
    } catch {
      // told below
    }
    if (!answer) throw new Error("The server did not answer. Is it still running?");
    return answer;
  }

  async function ask(name, more) {
    let answer = await call(name, more);
    if (answer.code === "unknown_image" && given) {
      await call("upload", given);
      answer = await call(name, more);
    }
    if (answer.error) throw new Error(answer.error);
    return answer;
  }

  // New pictures are decoded before they take the place of the old ones, so that nothing flashes.
  async function put(node, html, fresh = () => true) {
    const made = document.createElement("template");
    made.innerHTML = html;
    const images = [...made.content.querySelectorAll("img")];
    await Promise.all(images.map((image) => image.decode().catch(() => null)));
    if (!fresh()) return;
    node.replaceChildren(made.content);
    node.classList.remove("waiting");
  }

  async function fill(node, name, more, fresh) {
    node.classList.add("waiting");
    const { html } = await ask(name, more);
    if (fresh()) await put(node, html, fresh);
  }

  // ---- the perturbed pictures: one request a model at a time, then the newest ----

  function makeFollower(slot) {
    let busy = false;
    let again = false;
    return async function follow() {
      again = true;
      if (busy) return;
      busy = true;
      work(1);
      try {
        while (again) {
          again = false;
          const mine = turn;
          const share = Number(find("depth").value) / 100;
          const { html } = await ask("perturbed", { slot, share });
          if (mine === turn) await put(find("redrawn", slot), html, () => mine === turn);
        }
      } catch (error) {
        say("message", error.message);
      } finally {
        busy = false;
        work(-1);
      }
    };
  }

  const followers = slots.map(makeFollower);

  function follow() {
    find("percent").textContent = `${find("depth").value} %`;
    choice.ids.forEach((_, slot) => followers[slot]());
  }

  // ---- one look: the pictures first, then what they cost ----

  async function lookAt(slot, fresh) {
    const part = (name) => find("card", slot).querySelector(`[data-part=${name}]`);
    for (const name of ["ladder", "samples"]) part(name).classList.add("waiting");
    await fill(part("opened"), "opened", { slot }, fresh);
    if (!fresh()) return;
    followers[slot]();
    for (const name of ["ladder", "samples"]) {
      await fill(part(name), name, { slot }, fresh);
      if (!fresh()) return;
    }
  }

  async function weigh(slot, fresh) {
    const cell = find("cost", slot);
    const whose = find("whose", slot);
    for (const node of [cell, whose]) node.classList.add("waiting");
    const { html, total } = await ask("cost", { slot });
    if (!fresh()) return;
    await put(cell, html);
    await put(whose, total);
  }

  async function look(others, fresh) {
    const now = choice.ids.map((_, slot) => slot);
    find("bars").classList.add("waiting");
    await Promise.all(now.map((slot) => lookAt(slot, fresh)));
    if (!fresh()) return;
    await Promise.all(now.map((slot) => weigh(slot, fresh)));
    if (!fresh()) return;
    await fill(find("bars"), "bars", {}, fresh);
    if (!others) return;
    for (const slot of now) {
      if (fresh()) await fill(find("time", slot), "time", { slot }, fresh);
    }
  }

  function place(offer) {
    const others = choice.ids.join() !== (find("table").dataset.models || "");
    find("table").dataset.models = choice.ids.join();
    offer.slots.forEach((options, slot) => {
      const select = find("slot", slot);
      select.innerHTML = options;
      select.value = choice.ids[slot] || "";
    });
    slots.forEach((slot) => {
      const node = find("card", slot);
      if (node.dataset.model === (choice.ids[slot] || "")) return;
      node.dataset.model = choice.ids[slot] || "";
      node.innerHTML = offer.cards[slot];
      find("redrawn", slot).innerHTML = offer.redrawn[slot];
    });
    if (others) {
      find("bars").innerHTML = offer.bars;
      find("table").innerHTML = offer.table;
    }
    return others;
  }

  async function showStrip() {
    if (choice.ids[0] && strip !== choice.ids[0]) {
      strip = choice.ids[0];
      await put(find("strip"), (await ask("strip")).html);
    }
    const chosen = choice.image.kind === "example" ? choice.image.index : -1;
    for (const node of element.querySelectorAll("[data-picture]")) {
      const at = Number(node.dataset.picture);
      node.setAttribute("aria-pressed", String(at === chosen));
      node.tabIndex = at === Math.max(0, chosen) ? 0 : -1;
    }
    find("which").textContent = chosen < 0 ? "your upload, the same for all models"
      : `test picture ${chosen + 1} of the first model, the same for all`;
  }

  async function begin(change) {
    choice = { ...choice, ...change };
    turn += 1;
    const mine = turn;
    const fresh = () => mine === turn;
    say("message", "");
    work(1);
    try {
      const offer = await ask("offer");
      if (!fresh()) return;
      choice = offer.choice;
      say("notice", offer.notice);
      const others = place(offer);
      await showStrip();
      if (fresh()) await look(others, fresh);
    } catch (error) {
      if (fresh()) say("message", error.message);
    } finally {
      work(-1);
    }
  }

  // Models may have come meanwhile; what is shown stays.
  async function refresh() {
    const mine = turn;
    const offer = await ask("offer").catch(() => null);
    if (offer && mine === turn && offer.choice.ids.join() === choice.ids.join()) place(offer);
  }

  // ---- what a person does ----

  element.addEventListener("change", async (event) => {
    if (event.target.matches("[data-slot]")) {
      begin({ ids: slots.map((slot) => find("slot", slot).value).filter(Boolean) });
    }
    if (event.target.matches("[data-file]") && event.target.files.length) {
      const [file] = event.target.files;
      event.target.value = "";
      take(file);
    }
  });

  function take(file) {
    const reader = new FileReader();
    reader.onerror = () => say("message", `${file.name} cannot be read`);
    reader.onload = async () => {
      try {
        const mine = { data: reader.result, name: file.name };
        const { image, notice } = await ask("upload", mine);
        given = mine;
        begin({ image });
        say("notice", notice);
      } catch (error) {
        say("message", error.message);
      }
    };
    reader.readAsDataURL(file);
  }

  element.addEventListener("click", (event) => {
    const at = (name) => event.target.closest(`[data-${name}]`);
    const picture = at("picture");
    if (picture) begin({ image: { kind: "example", index: Number(picture.dataset.picture) } });
    if (at("upload")) find("file").click();
    if (at("again")) begin({ seed: choice.seed + SAMPLES });
  });

  find("depth").addEventListener("input", follow);

  // One stop of the Tab key for a row; the arrow keys go from one part to the next.
  element.addEventListener("keydown", (event) => {
    const row = event.target.closest("[data-roving]");
    const parts = row ? [...row.querySelectorAll("[tabindex]")] : [];
    const at = parts.indexOf(event.target);
    const to = {
      ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: parts.length - 1,
    }[event.key];
    if (at < 0 || !parts[to]) return;
    event.preventDefault();
    for (const part of parts) part.tabIndex = part === parts[to] ? 0 : -1;
    parts[to].focus();
  });

  // Nothing is asked for before somebody looks.
  let seen = false;
  new IntersectionObserver((entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    if (seen) refresh();
    else begin({});
    seen = true;
  }).observe(element);
}
