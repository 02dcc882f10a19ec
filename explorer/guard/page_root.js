// Where the server is: where this page is. Runs inside Gradio's page before its own scripts;
// proxies.py says why.
(() => {
  const path = location.pathname.replace(/(\/gradio_api\/runs)?\/*$/, "");
  const root = location.origin + path;
  window.gradio_config.root = root;
  const base = document.querySelector("base");
  if (base) base.href = `${root}/`; // also where the address lacks its last slash

  function say() {
    const box = document.createElement("div");
    box.setAttribute("role", "alert");
    box.style.cssText = "font: 16px/1.5 system-ui, sans-serif; max-width: 44em; margin: 3em auto";
    box.textContent = `Strata's scripts were not found below ${path}/, so this page stays empty. `
      + "The proxy in front has to pass on everything below that path; if it keeps the path as it "
      + `is, start Strata with --root-path ${path || "/"} or GRADIO_ROOT_PATH=${path || "/"} `
      + "(docs/serving.md).";
    document.body.prepend(box);
  }
  let said = false;
  window.addEventListener("error", ({ target }) => {
    const from = target instanceof HTMLScriptElement ? target.src
      : target instanceof HTMLLinkElement ? target.href : "";
    if (said || !from.startsWith(`${root}/assets/`)) return;
    said = true;
    if (document.body) say();
    else document.addEventListener("DOMContentLoaded", say);
  }, true);
})();
