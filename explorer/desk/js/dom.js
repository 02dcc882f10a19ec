// Elements of the page: found, made and changed as little as can be.

/**
 * The element that a selector means.
 * @template {Element} T
 * @param {ParentNode} root
 * @param {string} selector
 * @param {{ new (): T }} kind the class that it has
 * @returns {T}
 * @throws {Error} if there is none, or one of another class
 */
export function find(root, selector, kind) {
  const found = root.querySelector(selector);
  if (found instanceof kind) return found;
  throw new Error(`no ${kind.name} ${selector} in the page`);
}

/**
 * The button of an action.
 * @param {ParentNode} root
 * @param {string} action
 */
export function findButton(root, action) {
  return find(root, `[data-action="${action}"]`, HTMLButtonElement);
}

/**
 * An element: make("button", {class: "x", "data-a": 1, onclick: f}, "text", child). Attributes
 * that are null, undefined or false are left out, and so are such children.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, unknown>} attributes
 * @param {...(Node | string | null | undefined)} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function make(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") {
      node.addEventListener(key.slice(2), (event) => value(event));
    } else if (key === "style") node.style.cssText = String(value);
    else node.setAttribute(key, value === true ? "" : String(value));
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/**
 * A text node that is there is kept: new nodes would have the browser match the styles again.
 * @param {Node} node
 * @param {string} text
 */
export function setText(node, text) {
  const only = node.childNodes.length === 1 ? node.firstChild : null;
  if (!(only instanceof Text)) node.textContent = text;
  else if (only.data !== text) only.data = text;
}

/**
 * An attribute set to what it was would have the browser match the styles again too.
 * @param {HTMLElement} node
 * @param {boolean} hidden
 */
export function setHidden(node, hidden) {
  if (node.hidden !== hidden) node.hidden = hidden;
}
