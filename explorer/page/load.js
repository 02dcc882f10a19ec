// Calls `start` of a module with a component of Gradio's: at once where the module is there, so
// that the page never shows a part that nobody listens to. Where it cannot be loaded the component
// says so. The path is from the root of the page.
(
  /** @type {import("./component.js").Component} */ component,
  /** @type {string} */ path,
) => {
  function fail(/** @type {unknown} */ problem) {
    console.error(problem);
    const box = document.createElement("p");
    box.setAttribute("role", "alert");
    box.style.cssText = "max-width: 44em; margin: 1em auto; font-size: 16px";
    box.textContent = "The scripts of this part of Strata could not be loaded, so nothing in it "
      + "works. Reload the page. If that does not help, look whether the server still runs and "
      + "whether a proxy in front of it passes on everything below this page's address.";
    component.element.prepend(box);
  }

  const url = new URL(path, document.baseURI).href;
  const ready = window.strataModules?.get(url);
  if (ready) ready.start(component);
  else import(url).then((module) => module.start(component)).catch(fail);
};
