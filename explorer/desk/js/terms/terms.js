// The terms of the image: −ELBO = −reconstruction + Σ rates, in nats, beside the test set's mean,
// and the gauge of how usual the image is. An image of another side than the test images' is
// beside them by dimension, in bits for 8-bit pixels and in nats for others. A model without a
// likelihood has a PSNR in their place.

import { find, make, setHidden, setText } from "../dom.js";
import { paintPicture } from "../picture/paint.js";
import { clamp } from "../values.js";
import { nats, signed } from "../words.js";
import { stepsOf } from "./columns.js";
import { errorText, meaningOf, pictureOf, spreadText, unitOf } from "./telling.js";
import { makeWaterfall } from "./waterfall.js";

/** @import { Averages, ImageTerms, Model, Row, Terms, TestTerms } from "../types.js" */
/** @import { Column } from "./columns.js" */
/** @import { Unit } from "./telling.js" */

/**
 * Averages of a model with a likelihood; null of one without.
 * @template {Averages} A
 * @param {A} averages
 * @returns {(A & Terms) | null}
 */
function measured(averages) {
  return typeof averages.elbo === "number" ? /** @type {A & Terms} */ (averages) : null;
}

/**
 * The pictures that a part belongs to; the first is shown beside the waterfall.
 * @param {HTMLElement} root
 * @param {Column | null} column
 */
function figuresOf(root, column) {
  const part = column ? column.picture : "image";
  const wanted = part === "ladder" ? "[data-ladder]"
    : typeof part === "number" ? `[data-ladder="${part}"]` : `.screen.${part}`;
  const found = [...root.querySelectorAll(wanted)];
  return part === "ladder" ? found.reverse() : found;
}

/** @param {HTMLElement} root */
export function makeTerms(root) {
  const part = (/** @type {string} */ name) => find(root, `[data-${name}]`, HTMLElement);
  const thumb = find(root, "[data-terms-picture]", HTMLCanvasElement);
  const [panel, usual, line] = [part("terms"), part("usual"), part("terms-line")];
  const [head, none] = [part("elbo"), part("terms-none")];
  const waterfall = makeWaterfall(part("bars"), light);
  const drawGauge = makeGauge(root);
  /** @type {Column | null} */
  let column = null; // the one in use
  /** @type {Record<string, string>} */
  let spoken = {}; // what each column tells in a line

  function paintThumb() {
    const canvas = figuresOf(root, column)[0]?.querySelector("canvas");
    if (canvas) paintPicture(thumb, canvas);
  }

  /** @param {Column | null} now */
  function light(now) {
    column = now;
    for (const node of root.querySelectorAll("figure.lit")) node.classList.remove("lit");
    if (now) for (const node of figuresOf(root, now)) node.classList.add("lit");
    setText(line, spoken[now ? now.key : "elbo"] || "");
    paintThumb();
  }

  /**
   * @param {ImageTerms & Terms} terms
   * @param {TestTerms & Terms} test
   * @param {Unit} here that of the image
   * @param {Unit} there that of the test images
   * @param {Row[] | null} rows
   */
  function drawWaterfall(terms, test, here, there, rows) {
    const depth = terms.rate.length;
    const overDraws = `its ${terms.draws} draws`;
    const overImages = `${(test.images ?? 0).toLocaleString("en-GB")} images`;
    const steps = stepsOf(terms, here.per, rows);
    waterfall.draw(depth, rows, steps, stepsOf(test, there.per, rows), (one, image, mean) => {
      const [value, average] = [here.text(image.value), here.text(mean.value)];
      const who = one.level ? `Rate of ${one.name}` : one.row ? `Rates of ${one.name}` : one.name;
      const meaning = meaningOf(one, depth, Boolean(test.divergences), image.value < 0);
      spoken[one.key] = `${who} ${value}${errorText(image.error)}, test mean ${average}`
        + `${errorText(mean.error)} ${here.word} · ${meaning}`;
      const title = `${one.name}: ${meaning}. Its picture: ${pictureOf(one)}. This image ${value}`
        + `${spreadText(image.error, overDraws)}, test mean ${average}`
        + `${spreadText(mean.error, overImages)}, in ${here.word}`;
      return { value, mean: average, title };
    });
  }

  /**
   * @param {ImageTerms & Terms} terms
   * @param {TestTerms & Terms} test
   * @param {Unit} there
   */
  function drawHead(terms, test, there) {
    const bits = terms.bits_per_dim === null ? ""
      : ` · ${terms.bits_per_dim.toFixed(2)} bits per dim`;
    const mean = there.per === 1 ? nats(test.elbo)
      : `${signed(-test.elbo / there.per, 2)} ${there.word}`;
    head.replaceChildren("ELBO ", make("b", {}, `${nats(terms.elbo)} nats`),
      `${bits} · test mean ${mean}`);
    head.title = `Averages over ${terms.draws} draws of the posterior`;
  }

  /**
   * In place of terms: how close the reconstruction comes.
   * @param {ImageTerms} terms
   * @param {TestTerms} test
   */
  function drawRatio(terms, test) {
    const ratio = `${(terms.psnr_db ?? NaN).toFixed(1)} dB`;
    const known = typeof test.psnr_db === "number";
    const mean = known ? ` test mean ${test.psnr_db?.toFixed(1)} dB` : "";
    head.replaceChildren("PSNR ", make("b", {}, ratio), mean && ` ·${mean}`);
    head.title = "Of the reconstruction on the mean path";
    setText(none, "This model has no likelihood of its own: PSNR of the "
      + `reconstruction ${ratio} instead${mean && `,${mean}`}.`);
  }

  /** @param {boolean} waiting */
  function setWaiting(waiting) {
    for (const node of [panel, usual]) node.classList.toggle("waiting", waiting);
  }

  // A rung or a screen may be painted anew while its copy is shown.
  new MutationObserver(paintThumb).observe(root, { attributeFilter: ["data-settled"] });

  return {
    /** Those on the screen belong to the picture before. */
    wait: () => setWaiting(true),
    /**
     * @param {ImageTerms} found
     * @param {Model} model
     * @param {Row[]} rows
     */
    draw(found, model, rows) {
      setWaiting(false);
      drawGauge(found);
      const [terms, test] = [measured(found), measured(model.test)];
      panel.classList.toggle("without", !terms);
      setHidden(none, Boolean(terms));
      if (!terms || !test) {
        drawRatio(found, model.test);
        return;
      }
      const dimensions = model.image_shape.reduce((all, side) => all * side, 1); // of a test image
      const own = terms.dimensions === dimensions;
      const [here, there] = [terms.dimensions, dimensions]
        .map((count) => unitOf(count, own, terms.bits_per_dim !== null));
      spoken = {};
      drawWaterfall(terms, test, here, there, rows[0].grouped ? rows : null);
      drawHead(terms, test, there);
    },
  };
}

/**
 * The gauge of how usual the image is. Gives what draws it.
 * @param {HTMLElement} root
 */
function makeGauge(root) {
  const gauge = find(root, "[data-gauge]", HTMLElement);
  const needle = find(gauge, ".needle", HTMLElement);
  const number = find(root, "[data-percentile]", HTMLElement);
  const verdict = find(root, "[data-verdict]", HTMLElement);

  /** @param {ImageTerms} terms */
  return (terms) => {
    const { percentile } = terms;
    const known = percentile !== null;
    const whole = known && percentile >= 1 && percentile <= 99;
    const shown = known ? `${percentile.toFixed(whole ? 0 : 1)} %` : "";
    gauge.setAttribute("aria-label", known
      ? `${shown} of the test images have a lower ELBO` : "not known");
    needle.hidden = !known;
    if (known) needle.style.left = `${clamp(percentile, 0, 100)}%`;
    const word = { low: "unusual", high: "unusual", usual: "usual", unknown: "" }[terms.verdict];
    setText(number, word ? `${word} · ${shown}` : "");
    number.dataset.tail = terms.verdict;
    setText(verdict, terms.explanation);
  };
}
