/** What is shown of items that are no messages; templates/history/_items.html makes the same elements. */

import { safeImage, safeLink } from "./addresses.js";
import "./card-words.js";
import { make } from "./dom.js";
import { stepsCard, taskTitle, toolCard, workflowTitle } from "./steps.js";
import { panel, PICTURE, widgetPanel } from "./widgets.js";
import { word } from "./words.js";

export { cardStyles } from "./card-styles.js";

/**
 * Make what is inside the element of such an item.
 * @param {any} item
 * @param {string} [origin] of the chat, whose pictures are shown
 * @returns {HTMLElement}
 */
export function contentOf(item, origin = "") {
  switch (item.type) {
    case "client_tool_call":
      return toolCard(item);
    case "task":
      return stepsCard(taskTitle(item.task), [item.task], false, origin);
    case "workflow":
      return stepsCard(workflowTitle(item.workflow), item.workflow.tasks, item.workflow.expanded, origin);
    case "widget":
      return widgetPanel(item, origin);
    case "generated_image":
      return imageCard(item, origin);
    default:
      return questionCard(item);
  }
}

function imageCard(item, origin) {
  const url = item.image?.url ?? "";
  const src = PICTURE.test(url) ? url : safeImage(url, origin);
  if (src) return make("img", { class: "picture", src, alt: word("card.image") });
  if (safeLink(url)) {
    const rel = "nofollow noopener noreferrer";
    return make("a", { class: "item-link", href: url, target: "_blank", rel }, word("card.openImage"));
  }
  return make("p", { class: "item-note" }, word("card.noImage"));
}

function questionCard(item) {
  const answers = item.inputs.flatMap((input) => [
    make("dt", { dir: "auto" }, input.question),
    make("dd", { dir: "auto" }, answerOf(input)),
  ]);
  return panel("question", word(`card.${item.status}`), make("dl", { class: "answers" }, ...answers));
}

function answerOf(input) {
  if (input.answer?.values?.length) return input.answer.values.join(", ");
  if (input.type === "multiple_choice" && !input.answer) {
    return input.options.map((option) => option.value).join(" · ");
  }
  return word("card.noAnswer");
}
