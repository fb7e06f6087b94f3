/** A widget as people read it: its words in their order; chat/web/widgets.py says the same. */

import { safeImage, safeLink } from "./addresses.js";
import { icon, make } from "./dom.js";
import { renderMarkdown } from "./markdown.js";
import { word } from "./words.js";

const DRAWINGS = { card: "M4 6h16v12H4zM4 10h16", question: "M9.3 9.2a2.8 2.8 0 1 1 4 2.6c-.9.4-1.3 1-1.3 2M12 17h.01" };
export const PICTURE = /^data:image\/(?:png|jpeg|webp|gif);base64,/;

const DEEPEST = 40;
const WORDS = {
  Title: ["title", "value"],
  Text: ["text", "value"],
  Label: ["text", "value"],
  Caption: ["quiet", "value"],
  Badge: ["badge", "label"],
  Markdown: ["prose", "value"],
  Button: ["button", "label"],
  Checkbox: ["field", "label", "name"],
  Input: ["field", "placeholder", "name"],
  Textarea: ["field", "placeholder", "name"],
  Select: ["field", "placeholder", "name"],
  DatePicker: ["field", "placeholder", "name"],
};
const OTHER = ["value", "label", "title", "text"];
const CONTROLS = ".widget-field, button";
const REL = "nofollow noopener noreferrer";

/** Make the panel of a widget; pictures of the chat's origin are shown. */
export function widgetPanel(item, origin) {
  const parts = partsOf(item.widget, DEEPEST, origin);
  const stack = make("div", { class: "widget-stack" }, ...parts);
  const none = make("p", { class: "widget-text", dir: "auto" }, item.copy_text || word("card.empty"));
  const note = make("p", { class: "item-note" }, word("card.still"));
  return panel("card", word("card.card"), parts.length ? stack : none, stack.querySelector(CONTROLS) && note);
}

/**
 * Make a panel with its kind above it.
 * @param {keyof DRAWINGS} drawing
 * @param {string} kind
 * @param {...any} body
 */
export function panel(drawing, kind, ...body) {
  const head = make("p", { class: "panel-kind" }, icon(DRAWINGS[drawing]), make("span", {}, kind));
  return make("div", { class: "panel" }, head, ...body);
}

function partsOf(component, depth, origin) {
  if (!component || typeof component !== "object" || depth === 0) return [];
  if (Array.isArray(component)) return component.flatMap((child) => partsOf(child, depth - 1, origin));
  return [...leaf(component, origin), ...inside(component, depth, origin)];
}

function leaf(component, origin) {
  const { type } = component;
  if (type === "Divider") return [make("hr", { class: "widget-line" })];
  if (type === "Image") return picture(text(component, ["src"]), text(component, ["alt"]), origin);
  if (type === "RadioGroup") {
    return said("field", objects(component.options).map((option) => text(option, ["label"])).join(" · "));
  }
  if (type === "Chart") {
    const names = objects(component.series).map((one) => text(one, ["label", "dataKey"]));
    return said("quiet", word("card.chart", { names: names.filter(Boolean).join(", ") || word("card.numbers") }));
  }
  if (Object.hasOwn(WORDS, type)) return said(WORDS[type][0], text(component, WORDS[type].slice(1)), origin);
  return OTHER.flatMap((field) => said("text", text(component, [field])));
}

function inside(component, depth, origin) {
  const parts = partsOf(component.children, depth - 1, origin);
  const across = component.type === "Row" || component.type === "ListViewItem" || component.direction === "row";
  const box = parts.length ? [make("div", { class: across ? "widget-row" : "widget-stack" }, ...parts)] : [];
  const choices = objects([component.confirm, component.cancel]).flatMap((one) => said("button", text(one, ["label"])));
  return choices.length ? [...box, make("div", { class: "widget-row" }, ...choices)] : box;
}

function said(kind, words, origin) {
  if (!words) return [];
  if (kind === "prose") return [renderMarkdown(make("div", { class: "prose", dir: "auto" }), words, origin)];
  if (kind === "button") return [make("button", { class: "button button-small", type: "button", disabled: true }, words)];
  return [make("p", { class: `widget-${kind}`, dir: "auto" }, words)];
}

function picture(src, alt, origin) {
  const shown = PICTURE.test(src) ? src : safeImage(src, origin);
  if (shown) return [make("img", { class: "picture", src: shown, alt })];
  if (!safeLink(src)) return [];
  return [make("a", { class: "item-link", href: src, target: "_blank", rel: REL }, alt || word("card.open"))];
}

/** The first of these fields that says something. */
function text(component, fields) {
  return fields.map((field) => component[field]).find((value) => typeof value === "string" && value.trim()) ?? "";
}

const objects = (given) => (Array.isArray(given) ? given.filter((one) => one && typeof one === "object" && !Array.isArray(one)) : []);
