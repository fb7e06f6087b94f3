/** Making elements: the least that the launcher needs, without HTML from strings. */

export const SPEECH = "M7 5h10q3 0 3 3v6q0 3-3 3h-5l-5 4v-4q-3 0-3-3V8q0-3 3-3M8.5 9.5l7-1M8.5 13l7-1";
export const CLOSE = "M6 6l12 12M18 6L6 18";

/** @param {Event} event */
export const prevent = (event) => event.preventDefault();

/**
 * @param {string} tag
 * @param {Record<string, string>} [attributes]
 * @param {...Node} children
 * @returns {HTMLElement}
 */
export const make = (tag, attributes, ...children) => finish(document.createElement(tag), attributes, children);

/** @param {string} d A path. The button that it is in has a name, and is read as a whole. */
export const drawing = (d) => finish(drawn("svg"), { viewBox: "0 0 24 24" }, [finish(drawn("path"), { d })]);

const drawn = (tag) => document.createElementNS("http://www.w3.org/2000/svg", tag);

function finish(element, attributes = {}, children = []) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}
