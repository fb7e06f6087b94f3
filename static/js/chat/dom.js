/** Making elements, without a framework and without HTML from strings. */

const SVG = "http://www.w3.org/2000/svg";

const DRAWINGS = {
  up: "M12 19V6M6.5 11.5L12 6l5.5 5.5",
  down: "M12 5v13M6.5 12.5L12 18l5.5-5.5",
  close: "M6 6l12 12M18 6L6 18",
  back: "M19 12H6M11.5 6.5L6 12l5.5 5.5",
  bin: "M5 7h14M10 7V5h4v2M7 7l1 12h8l1-12M10.5 11v4.5M13.5 11v4.5",
  compose: "M11 5H5v14h14v-6M10 14l.5-3L17.5 4 20 6.5l-7 7z",
  history: "M5 12a7 7 0 1 0 2.1-5M5 3.5V8h4.5M12 8.5V12l2.5 2",
  pencil: "M5 19l.8-3.8L15.5 5.5l3 3-9.7 9.7zM13.5 7.5l3 3",
  search: "M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM15.3 15.3L20 20",
};

/**
 * Make an element. Strings among the children become text, and what is null or false is left out.
 * @param {string} tag
 * @param {Record<string, string | number | boolean | null | undefined>} [attributes]
 * @param {...(Node | string | null | undefined | false)} children
 * @returns {HTMLElement}
 */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) element.setAttribute(name, "");
    else if (value !== null && value !== undefined && value !== false) {
      element.setAttribute(name, String(value));
    }
  }
  element.append(...children.filter((child) => child || child === ""));
  return element;
}

/**
 * Make one of our drawings, or draw a path; it is decoration, so it needs words beside it.
 * @param {string} name
 * @returns {SVGSVGElement}
 */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  const attributes = {
    class: "icon",
    viewBox: "0 0 24 24",
    fill: "none",
    stroke: "currentColor",
    "stroke-width": "1.75",
    "stroke-linecap": "round",
    "stroke-linejoin": "round",
    "aria-hidden": "true",
    focusable: "false",
  };
  for (const [key, value] of Object.entries(attributes)) svg.setAttribute(key, value);
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", DRAWINGS[name] ?? name);
  svg.append(path);
  return svg;
}

/**
 * Let an element have these children in this order; what is in its place is not touched.
 * @param {Element} parent
 * @param {Element[]} wanted
 */
export function arrange(parent, wanted) {
  for (const child of [...parent.children]) if (!wanted.includes(child)) child.remove();
  wanted.forEach((child, at) => parent.children[at] === child || parent.insertBefore(child, parent.children[at] ?? null));
}

/**
 * Let a shadow root have style sheets, once each: before those that it has, or after them.
 * @param {Node | null} root
 * @param {CSSStyleSheet[]} sheets
 * @param {boolean} [after]
 */
export function adopt(root, sheets, after = false) {
  if (!(root instanceof ShadowRoot)) return;
  const [known, more] = [root.adoptedStyleSheets, sheets.filter((sheet) => !root.adoptedStyleSheets.includes(sheet))];
  if (more.length) root.adoptedStyleSheets = after ? [...known, ...more] : [...more, ...known];
}

/**
 * Make words that only a screen reader says.
 * @param {string} words
 */
export const unseen = (words) => make("span", { class: "unseen" }, words);

/** Let a button that is only a drawing have this name. */
export function named(button, name) {
  button.lastChild.textContent = name;
  button.title = name;
}

/**
 * Make the list item around everything that a thread item shows.
 * @param {string} id
 * @param {string} kind
 * @param {...(Node | string | null | undefined | false)} children
 */
export function frame(id, kind, ...children) {
  return make("li", { class: `item item-${kind}`, id, "data-item": id }, ...children);
}
