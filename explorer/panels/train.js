// Tells the rest of the page, once for each training that ended, that there is a new model.

// Starts in the component that Gradio has put into the page.
export function start({ element, watch }) {
  const told = new Set();
  let before = null;

  function look() {
    const job = element.querySelector("[data-serial]");
    const { serial = "", model = "" } = job ? job.dataset : {};
    const isNew = before !== null && serial !== before.serial;
    const watched = before !== null && serial === before.serial && !before.model;
    before = { serial, model };
    if (isNew && !model && element.getBoundingClientRect().top < 0) {
      element.scrollIntoView({ behavior: "smooth" });
    }
    if (!model || told.has(serial)) return;
    told.add(serial);
    // Only who watched the training is taken to the model: a picture under edit is not taken
    // away from anybody, nor is a training of last week opened.
    const detail = watched && element.offsetParent !== null ? { id: model } : {};
    window.dispatchEvent(new CustomEvent("strata:models", { detail }));
  }

  watch("value", look);
  look();
}
