/** How each type of item looks; templates/history/_items.html makes the same elements. */

import { foot } from "./days.js";
import { frame, make, unseen } from "./dom.js";
import { renderMarkdown, safeImage, safeLink } from "./markdown.js";
import { OUTCOMES, outcomeLine } from "./outcomes.js";
import { sourceList, stepsItem, taskTitle, toolItem, workflowTitle } from "./steps.js";
import { panel, PICTURE, widgetPanel } from "./widgets.js";

const THUMBED = { positive: "You found this helpful.", negative: "You did not find this helpful." };

/**
 * Make the element of an item, or return null for types that are never shown.
 * @param {any} item a thread item as the protocol sends it
 * @returns {HTMLElement | null}
 */
export function renderItem(item) {
  const element = elementOf(item);
  if (!element) return null;
  if (item.outcome in OUTCOMES) element.append(outcomeLine(item.outcome));
  const thumbed = item.type === "assistant_message" && THUMBED[item.feedback];
  element.append(foot(item, thumbed && make("span", { class: "thumbed", "data-feedback": item.feedback }, thumbed)));
  return element;
}

function elementOf(item) {
  switch (item.type) {
    case "user_message":
      return userItem(item);
    case "assistant_message":
      return assistantItem(item);
    case "client_tool_call":
      return toolItem(item);
    case "task":
      return stepsItem(item.id, taskTitle(item.task), [item.task], false);
    case "workflow":
      return stepsItem(item.id, workflowTitle(item.workflow), item.workflow.tasks, item.workflow.expanded);
    case "widget":
      return frame(item.id, "widget", widgetPanel(item));
    case "generated_image":
      return imageItem(item);
    case "structured_input":
      return questionItem(item);
    default:
      return null;
  }
}

function userItem(item) {
  const words = item.content.map((part) => part.text).join("");
  const files = (item.attachments ?? []).map((file) =>
    make("p", { class: "item-note" }, `Attached: ${file.name}`),
  );
  return frame(
    item.id,
    "user",
    unseen("You said:"),
    item.quoted_text && make("blockquote", { class: "quoted", dir: "auto" }, item.quoted_text),
    make("div", { class: "bubble", dir: "auto" }, words),
    ...files,
  );
}

function assistantItem(item) {
  const parts = item.content.map((part) =>
    renderMarkdown(make("div", { class: "prose", dir: "auto" }), part.text),
  );
  return frame(item.id, "assistant", unseen("The assistant said:"), ...parts, sourcesOf(item));
}

/**
 * Make the list of what a finished answer refers to, or null.
 * @param {any} item
 */
export function sourcesOf(item) {
  const notes = item.content.flatMap((part) => part.annotations ?? []);
  return sourceList(notes.map((note) => note.source));
}

function imageItem(item) {
  const url = item.image?.url ?? "";
  if (PICTURE.test(url) || safeImage(url)) {
    return frame(item.id, "image", make("img", { class: "picture", src: url, alt: "Image made by the assistant" }));
  }
  if (safeLink(url)) {
    const words = "Open the image that the assistant made";
    const rel = "nofollow noopener noreferrer";
    return frame(item.id, "image", make("a", { class: "item-link", href: url, target: "_blank", rel }, words));
  }
  return frame(item.id, "image", make("p", { class: "item-note" }, "The image is not there."));
}

function questionItem(item) {
  const states = { pending: "Question", answered: "Answered", skipped: "Skipped" };
  const answers = item.inputs.flatMap((input) => [
    make("dt", { dir: "auto" }, input.question),
    make("dd", { dir: "auto" }, answerOf(input)),
  ]);
  return frame(item.id, "question", panel("question", states[item.status], make("dl", { class: "answers" }, ...answers)));
}

function answerOf(input) {
  if (input.answer?.values?.length) return input.answer.values.join(", ");
  if (input.type === "multiple_choice" && !input.answer) {
    return input.options.map((option) => option.value).join(" · ");
  }
  return "No answer";
}
