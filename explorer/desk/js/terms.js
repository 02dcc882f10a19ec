// The terms of the image: −ELBO = −reconstruction + Σ rates, in nats, beside the test set's
// mean, and the gauge of how usual the image is. A rate below the top may be negative, so a
// bar stacks what is positive to the right of zero and what is negative to the left.
// An image of another side than the test images' is beside them in bits per dimension.

// How terms are shown: {per, word, text(value)}; a value in nats is divided by `per`.
function unitOf(dimensions, own) {
  if (own) return { per: 1, word: "nats", text: nats };
  return { per: dimensions * Math.LN2, word: "bits per dim", text: (v) => signed(v, 3) };
}

function partsOf(terms, unit) {
  const parts = [{ name: "−reconstruction", hue: null, value: -terms.reconstruction / unit.per }];
  for (let t = terms.rate.length; t >= 1; t -= 1) {
    parts.push({ name: nameOf(t), hue: hueOf(t), value: terms.rate[t - 1] / unit.per });
  }
  return parts;
}

function extent(parts) {
  const sum = (sign) => parts.reduce((all, p) => all + Math.max(0, sign * p.value), 0);
  return { below: sum(-1), above: sum(1) };
}

function stackedBar(parts, range, label, unit) {
  const total = range.below + range.above || 1;
  const bar = make("div", { class: "bar", role: "img", "aria-label": label });
  let right = range.below;
  let left = range.below;
  for (const part of parts) {
    const size = Math.abs(part.value);
    if (part.value < 0) left -= size;
    const from = part.value < 0 ? left : right;
    if (part.value >= 0) right += size;
    bar.append(make("i", {
      class: part.hue === null ? "part rest" : "part",
      title: `${part.name}: ${unit.text(part.value)} ${unit.word}`,
      style: `--hue: ${part.hue || 0}; left: ${(100 * from) / total}%; `
        + `width: ${(100 * size) / total}%`,
    }));
  }
  if (range.below > 0.002 * total) {
    bar.append(make("i", { class: "zero", style: `left: ${(100 * range.below) / total}%` }));
  }
  return bar;
}

function describe(who, parts, unit) {
  return `${who}: ${parts.map((p) => `${p.name} ${unit.text(p.value)}`).join(", ")} ${unit.word}`;
}

function barPair(title, image, mean, unit) {
  const a = extent(image);
  const b = extent(mean);
  const range = { below: Math.max(a.below, b.below), above: Math.max(a.above, b.above) };
  return [
    make("span", { class: "fine bar-title" }, title),
    stackedBar(image, range, describe("This image", image, unit), unit),
    stackedBar(mean, range, describe("Test mean", mean, unit), unit),
  ];
}

function makeTerms(root) {
  const find = (name) => root.querySelector(`[data-${name}]`);

  function drawBars(image, mean, unit) {
    const names = () => make("div", { class: "bar-names fine" },
      make("span", {}), make("span", {}, "this image"), make("span", {}, "test mean"));
    find("bars").replaceChildren(names(),
      make("div", { class: "bar-pair" }, ...barPair("−ELBO, the sum: shorter is better",
        image, mean, unit)),
      make("div", { class: "bar-pair" }, ...barPair("its rates alone, enlarged",
        image.slice(1), mean.slice(1), unit)));
    find("legend").replaceChildren(...image.map((part, at) => make("li",
      { class: part.hue === null ? "rest" : null, style: `--hue: ${part.hue || 0}` },
      make("i", { class: "swatch" }), part.name,
      make("b", {}, unit.text(part.value)),
      make("span", {}, `mean ${unit.text(mean[at].value)}`))));
  }

  function drawGauge(terms) {
    const percentile = terms.percentile;
    const whole = percentile >= 1 && percentile <= 99;
    const shown = `${percentile.toFixed(whole ? 0 : 1)} %`;
    const gauge = find("gauge");
    gauge.setAttribute("aria-label", `${shown} of the test images have a lower ELBO`);
    const needle = gauge.querySelector(".needle");
    needle.hidden = false;
    needle.style.left = `${clamp(percentile, 0, 100)}%`;
    const word = { low: "unusual", high: "unusual", usual: "usual" }[terms.verdict] || "";
    setText(find("percentile"), `${word} · ${shown}`);
    find("percentile").dataset.tail = terms.verdict;
    setText(find("verdict"), terms.explanation);
  }

  function setWaiting(waiting) {
    for (const name of ["terms", "usual"]) find(name).classList.toggle("waiting", waiting);
  }

  return {
    // Those on the screen belong to the picture before.
    wait: () => setWaiting(true),
    draw(terms, { test, image_shape: shape }) {
      setWaiting(false);
      const dimensions = shape.reduce((all, side) => all * side, 1); // of a test image
      const own = terms.dimensions === dimensions;
      const [here, there] = [terms.dimensions, dimensions].map((count) => unitOf(count, own));
      drawBars(partsOf(terms, here), partsOf(test, there), here);
      drawGauge(terms);
      const bits = terms.bits_per_dim === null || terms.bits_per_dim === undefined
        ? "" : ` · ${terms.bits_per_dim.toFixed(2)} bits per dim`;
      const mean = own ? nats(test.elbo) : `${signed(-test.elbo / there.per, 2)} bits per dim`;
      find("elbo").replaceChildren("ELBO ", make("b", {}, `${nats(terms.elbo)} nats`),
        `${bits} · test mean ${mean}`);
      find("elbo").title = `Averages over ${terms.draws} draws of the posterior`;
    },
  };
}
