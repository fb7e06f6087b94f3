/** What is shown of items that are no messages; templates/history/_items.html makes the same elements. */

import { make } from "./dom.js";
import { safeImage, safeLink } from "./markdown.js";
import { stepsCard, taskTitle, toolCard, workflowTitle } from "./steps.js";
import { panel, PICTURE, widgetPanel } from "./widgets.js";

/**
 * Make what is inside the element of such an item.
 * @param {any} item
 * @returns {HTMLElement}
 */
export function contentOf(item) {
  switch (item.type) {
    case "client_tool_call":
      return toolCard(item);
    case "task":
      return stepsCard(taskTitle(item.task), [item.task], false);
    case "workflow":
      return stepsCard(workflowTitle(item.workflow), item.workflow.tasks, item.workflow.expanded);
    case "widget":
      return widgetPanel(item);
    case "generated_image":
      return imageCard(item);
    default:
      return questionCard(item);
  }
}

function imageCard(item) {
  const url = item.image?.url ?? "";
  if (PICTURE.test(url) || safeImage(url)) {
    return make("img", { class: "picture", src: url, alt: "Image made by the assistant" });
  }
  if (safeLink(url)) {
    const words = "Open the image that the assistant made";
    const rel = "nofollow noopener noreferrer";
    return make("a", { class: "item-link", href: url, target: "_blank", rel }, words);
  }
  return make("p", { class: "item-note" }, "The image is not there.");
}

function questionCard(item) {
  const states = { pending: "Question", answered: "Answered", skipped: "Skipped" };
  const answers = item.inputs.flatMap((input) => [
    make("dt", { dir: "auto" }, input.question),
    make("dd", { dir: "auto" }, answerOf(input)),
  ]);
  return panel("question", states[item.status], make("dl", { class: "answers" }, ...answers));
}

function answerOf(input) {
  if (input.answer?.values?.length) return input.answer.values.join(", ");
  if (input.type === "multiple_choice" && !input.answer) {
    return input.options.map((option) => option.value).join(" · ");
  }
  return "No answer";
}
