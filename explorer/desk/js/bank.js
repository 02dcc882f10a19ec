// The slider bank: a card per level, top level first, and chips that jump to one.

function makeBank(root, acts) {
  const list = root.querySelector("[data-levels]");
  const chips = root.querySelector("[data-chips]");
  const temperatureRow = root.querySelector("[data-temperature-row]");
  const temperature = root.querySelector("[data-temperature]");
  const temperatureText = root.querySelector("[data-temperature-value]");
  const views = new Map();
  let cards = [];
  let built = null;
  let tried = false;

  function viewOf(model, level, recipe) {
    const key = `${model}:${level.t}`;
    if (!views.has(key)) {
      const mine = recipe.edits.filter((edit) => edit[0] === level.t);
      const [first] = kindsOf(level);
      const only = mine.length > 0 && mine.every((edit) => edit[1] === mine[0][1]);
      views.set(key, { kind: only ? mine[0][1] : first, all: false, folded: false });
    }
    return views.get(key);
  }

  function jump(card) {
    const calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    const behavior = calm ? "auto" : "smooth";
    if (list.scrollHeight > list.clientHeight + 4) {
      list.scrollTo({ top: card.node.offsetTop - list.offsetTop, behavior });
    } else {
      card.node.scrollIntoView({ block: "start", behavior });
    }
  }

  function chip(card) {
    return make("button", {
      type: "button", class: "chip", style: `--hue: ${hueOf(card.t)}`, "data-chip": card.t,
      "aria-label": `Go to level ${nameOf(card.t)}`, onclick: () => jump(card),
    }, nameOf(card.t));
  }

  function pointAtFirst() {
    if (tried) return;
    const first = list.querySelector(".axis");
    if (first) first.classList.add("try");
  }

  temperature.addEventListener("input", () => {
    acts.temperature(Number(temperature.value));
  });
  temperature.addEventListener("change", () => acts.release());
  makeNudges(temperature, () => {});

  return {
    build(model, levels, recipe) {
      const key = `${model.id}:${model.hash}`;
      const shapes = `${key}:${levels.map((level) => level.map)}`; // other ones at another side
      if (shapes === built) return;
      built = shapes;
      cards = levels.map((level) =>
        makeLevel(level, levels.length, viewOf(key, level, recipe), acts));
      list.replaceChildren(...cards.map((card) => card.node));
      list.scrollTop = 0;
      chips.replaceChildren(...cards.map(chip));
      pointAtFirst();
    },
    sync(recipe) {
      cards.forEach((card, at) => {
        if (!card.sync(recipe)) return;
        chips.children[at].classList.toggle("moved", levelDiffers(recipe, card.t));
      });
      const fresh = recipe.policies.some((p) => p[0] === "resample" || p[0] === "memory");
      setHidden(temperatureRow, !fresh && recipe.temperature === 1);
      if (Number(temperature.value) !== recipe.temperature) {
        temperature.value = recipe.temperature;
      }
      setText(temperatureText, recipe.temperature.toFixed(2));
    },
    shadow(reasons) {
      for (const card of cards) card.shadow(reasons[String(card.t)]);
    },
    // The hint at the first slider has done its work.
    touched() {
      if (tried) return;
      tried = true;
      list.querySelectorAll(".try").forEach((node) => node.classList.remove("try"));
    },
  };
}
