/** What the assistant did on the way: tools, tasks, and workflows. */

import { icon, make } from "./dom.js";
import { renderMarkdown } from "./markdown.js";
import { sourceList } from "./sources.js";

const NAMES = {
  web_search: "Searched the web",
  thought: "Thought",
  file: "Read files",
  image: "Made an image",
};

/** Make what is shown of a client tool call. */
export function toolCard(item) {
  const done = item.status === "completed";
  const name = make("span", {}, done ? "Used " : "Waiting for ", make("code", {}, item.name));
  const body = make("div", { class: "step-body" }, ...json("Input", item.arguments));
  if (done) body.append(...json("Output", item.output ?? null));
  return foldable(icon("tool"), name, body, false);
}

function json(heading, value) {
  return [make("h3", {}, heading), make("pre", { tabindex: 0 }, JSON.stringify(value, null, 2))];
}

/** Make what is shown of a task or a workflow. */
export function stepsCard(title, tasks, open) {
  const list = make("ol", { class: "step-body" }, ...tasks.map(taskRow));
  return foldable(icon("steps"), make("span", { dir: "auto" }, title), list, open);
}

function foldable(drawing, title, body, open) {
  return make("details", { class: "step", open }, make("summary", {}, drawing, title), body);
}

function taskRow(task) {
  const row = make("li", {}, make("p", { class: "step-title", dir: "auto" }, taskTitle(task)));
  if (task.content) row.append(renderMarkdown(make("div", { class: "prose", dir: "auto" }), task.content));
  if (task.queries?.length) row.append(make("p", { class: "item-note", dir: "auto" }, task.queries.join(" · ")));
  const sources = sourceList(task.sources ?? []);
  if (sources) row.append(sources);
  return row;
}

/** Name a task. */
export function taskTitle(task) {
  return task.title || NAMES[task.type] || "Step";
}

/** Name a workflow. */
export function workflowTitle(workflow) {
  const { summary, type } = workflow;
  if (summary?.title) return summary.title;
  if (summary?.duration !== undefined && summary?.duration !== null) {
    return `${type === "reasoning" ? "Thought" : "Worked"} for ${summary.duration} s`;
  }
  return type === "reasoning" ? "Thinking" : "Steps";
}
