// Messages in the order they came. Some pictures are decoded at once and some are not: out of order
// a compressed frame could come late and stay in place of the exact one.

/** Gives a function that does work with a picture once all work before it is done. */
export function makeLine() {
  let waiting = 0; // for a picture to be decoded, their own or one before
  let line = Promise.resolve();

  /**
   * @template P
   * @param {P | Promise<P>} picture
   * @param {(picture: P) => void} work
   */
  function inOrder(picture, work) {
    if (!waiting && !(picture instanceof Promise)) {
      work(picture);
      return;
    }
    waiting += 1;
    line = line.then(() => picture).then(work).catch((problem) => console.error(problem))
      .then(() => { waiting -= 1; });
  }

  return inOrder;
}
