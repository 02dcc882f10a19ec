// The terms of the image: −ELBO = −reconstruction + Σ rates, in nats, beside the test set's mean,
// and the gauge of how usual the image is. An image of another side than the test images' is
// beside them by dimension, in bits for 8-bit pixels and in nats for others. A model without a
// likelihood has a PSNR in their place.

import { clamp, make, nats, setHidden, setText, signed } from "../tools.js";
import { makeWaterfall, stepsOf } from "./waterfall.js";

// How terms are shown: {per, word, text(value)}; a value in nats is divided by `per`.
// Bits per dimension are a measure of 8-bit pixels alone.
function unitOf(dimensions, own, bits) {
  if (own) return { per: 1, word: "nats", text: nats };
  const [per, word] = bits ? [dimensions * Math.LN2, "bits per dim"] : [dimensions, "nats per dim"];
  return { per, word, text: (v) => signed(v, 3) };
}

// An error with two digits that count, and a plain zero where nothing is drawn.
function errorText(error) {
  if (error === null) return "";
  if (error === 0) return " ± 0";
  const digits = Math.max(0, Math.min(6, 1 - Math.floor(Math.log10(error))));
  return ` ± ${error.toFixed(digits)}`;
}

// `divergences`: whether every rate is a KL divergence, or only that of the top; `below`: whether
// the value is negative.
function meaningOf(column, depth, divergences, below) {
  if (column.key === "elbo") return "all that it costs to describe the image: less is better";
  if (column.key === "rest") {
    return `its pixels, once the levels are known${below ? "; below zero where the density that "
      + "the model gives them exceeds 1" : ""}`;
  }
  if (column.key === "rates") return "what all levels say about it";
  if (column.level === depth) return "what the top level says about it, a KL divergence";
  if (column.row) {
    const { levels: { length }, span } = column.row;
    return length === 1 ? `what ${span} says about it`
      : `what ${span} say about it; press for each of its ${length} levels`;
  }
  return `what ${column.name} says about it${divergences ? ", a KL divergence"
    : "; below the top a rate may be negative"}`;
}

function pictureOf(column) {
  if (column.picture === "image") return "the image";
  if (column.picture === "reconstruction") return "the reconstruction";
  if (column.picture === "ladder") return "the ladder";
  const name = column.of || column.name;
  return column.first ? `${name} alone, on the ladder` : `what ${name} adds, on the ladder`;
}

// The pictures that a part belongs to; the first is shown beside the waterfall.
function figuresOf(root, column) {
  const part = column ? column.picture : "image";
  const wanted = part === "ladder" ? "[data-ladder]"
    : Number.isInteger(part) ? `[data-ladder="${part}"]` : `.screen.${part}`;
  const found = [...root.querySelectorAll(wanted)];
  return part === "ladder" ? found.reverse() : found;
}

export function makeTerms(root) {
  const find = (name) => root.querySelector(`[data-${name}]`);
  const thumb = find("terms-picture");
  const waterfall = makeWaterfall(find("bars"), light);
  let column = null; // the one in use
  let spoken = {}; // what each column tells in a line

  function paintThumb() {
    const [figure] = figuresOf(root, column);
    const canvas = figure && figure.querySelector("canvas");
    if (!canvas) return;
    thumb.width = canvas.width;
    thumb.height = canvas.height;
    thumb.getContext("2d").drawImage(canvas, 0, 0);
  }

  function light(now) {
    column = now;
    for (const node of root.querySelectorAll("figure.lit")) node.classList.remove("lit");
    if (now) for (const node of figuresOf(root, now)) node.classList.add("lit");
    setText(find("terms-line"), spoken[now ? now.key : "elbo"] || "");
    paintThumb();
  }

  // What is said of a standard error, or of one that is not known.
  function spread(error, over) {
    return error === null ? " (its standard error was not measured)"
      : `${errorText(error)} (standard error over ${over})`;
  }

  function drawWaterfall(terms, test, here, there, rows) {
    const depth = terms.rate.length;
    const steps = [stepsOf(terms, here, rows), stepsOf(test, there, rows)];
    waterfall.draw(depth, rows, ...steps, (one, image, mean) => {
      const [value, average] = [here.text(image.value), here.text(mean.value)];
      const numbers = `${value}${errorText(image.error)}, test mean ${average}`
        + `${errorText(mean.error)} ${here.word}`;
      const who = one.level ? `Rate of ${one.name}` : one.row ? `Rates of ${one.name}` : one.name;
      const meaning = meaningOf(one, depth, test.divergences, image.value < 0);
      spoken[one.key] = `${who} ${numbers} · ${meaning}`;
      const title = `${one.name}: ${meaning}. Its picture: `
        + `${pictureOf(one)}. This image ${value}`
        + `${spread(image.error, `its ${terms.draws} draws`)}, test mean ${average}`
        + `${spread(mean.error, `${test.images.toLocaleString("en-GB")} images`)}, in ${here.word}`;
      return { value, mean: average, title };
    });
  }

  function drawGauge(terms) {
    const { percentile } = terms;
    const known = percentile !== null;
    const whole = known && percentile >= 1 && percentile <= 99;
    const shown = known ? `${percentile.toFixed(whole ? 0 : 1)} %` : "";
    const gauge = find("gauge");
    gauge.setAttribute("aria-label", known
      ? `${shown} of the test images have a lower ELBO` : "not known");
    const needle = gauge.querySelector(".needle");
    needle.hidden = !known;
    if (known) needle.style.left = `${clamp(percentile, 0, 100)}%`;
    const word = { low: "unusual", high: "unusual", usual: "usual" }[terms.verdict];
    setText(find("percentile"), word ? `${word} · ${shown}` : "");
    find("percentile").dataset.tail = terms.verdict;
    setText(find("verdict"), terms.explanation);
  }

  function drawHead(terms, test, there) {
    const bits = terms.bits_per_dim === null || terms.bits_per_dim === undefined
      ? "" : ` · ${terms.bits_per_dim.toFixed(2)} bits per dim`;
    const mean = there.per === 1 ? nats(test.elbo)
      : `${signed(-test.elbo / there.per, 2)} ${there.word}`;
    find("elbo").replaceChildren("ELBO ", make("b", {}, `${nats(terms.elbo)} nats`),
      `${bits} · test mean ${mean}`);
    find("elbo").title = `Averages over ${terms.draws} draws of the posterior`;
  }

  // In place of terms: how close the reconstruction comes.
  function drawRatio(terms, test) {
    const known = typeof test.psnr_db === "number";
    const mean = known ? ` · test mean ${test.psnr_db.toFixed(1)} dB` : "";
    find("elbo").replaceChildren("PSNR ", make("b", {}, `${terms.psnr_db.toFixed(1)} dB`), mean);
    find("elbo").title = "Of the reconstruction on the mean path";
    setText(find("terms-none"), "This model has no likelihood of its own: PSNR of the "
      + `reconstruction ${terms.psnr_db.toFixed(1)} dB instead${mean.replace(" ·", ",")}.`);
  }

  function setWaiting(waiting) {
    for (const name of ["terms", "usual"]) find(name).classList.toggle("waiting", waiting);
  }

  // A rung or a screen may be painted anew while its copy is shown.
  new MutationObserver(paintThumb).observe(root, { attributeFilter: ["data-settled"] });

  return {
    // Those on the screen belong to the picture before.
    wait: () => setWaiting(true),
    draw(terms, { test, image_shape: shape }, rows) {
      setWaiting(false);
      drawGauge(terms);
      const measured = terms.elbo !== null;
      find("terms").classList.toggle("without", !measured);
      setHidden(find("terms-none"), measured);
      if (!measured) {
        drawRatio(terms, test);
        return;
      }
      const dimensions = shape.reduce((all, side) => all * side, 1); // of a test image
      const own = terms.dimensions === dimensions;
      const bits = typeof terms.bits_per_dim === "number";
      const [here, there] = [terms.dimensions, dimensions]
        .map((count) => unitOf(count, own, bits));
      spoken = {};
      drawWaterfall(terms, test, here, there, rows[0].grouped ? rows : null);
      drawHead(terms, test, there);
    },
  };
}
