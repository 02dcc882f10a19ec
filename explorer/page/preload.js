// Fetches a module and its imports while Gradio's own scripts begin, after those, and has it ready
// for load.js. Runs in the head of the page once the page's own address is known; paths are from
// there, the module's first.
(/** @type {string[]} */ paths) => {
  /** @type {Map<string, import("./component.js").Module>} */
  const modules = new Map();
  window.strataModules = modules;
  const urls = paths.map((path) => new URL(path, document.baseURI).href);
  for (const url of urls) {
    const link = document.createElement("link");
    link.rel = "modulepreload";
    link.fetchPriority = "low";
    link.href = url;
    document.head.append(link);
  }
  import(urls[0]).then(
    (module) => modules.set(urls[0], module),
    () => null, // told by whoever needs it
  );
};
