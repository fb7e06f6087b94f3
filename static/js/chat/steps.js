/** What the assistant did on the way: tools, tasks, workflows, and the sources of an answer. */

import { frame, icon, make } from "./dom.js";
import { renderMarkdown, safeLink } from "./markdown.js";

const NAMES = {
  web_search: "Searched the web",
  thought: "Thought",
  file: "Read files",
  image: "Made an image",
};

/** Make the element of a client tool call. */
export function toolItem(item) {
  const done = item.status === "completed";
  const name = make("span", {}, done ? "Used " : "Waiting for ", make("code", {}, item.name));
  const body = make("div", { class: "step-body" }, ...json("Input", item.arguments));
  if (done) body.append(...json("Output", item.output ?? null));
  return frame(item.id, "step", foldable(icon("tool"), name, body, false));
}

function json(heading, value) {
  return [make("h3", {}, heading), make("pre", { tabindex: 0 }, JSON.stringify(value, null, 2))];
}

/** Make the element of a task or a workflow. */
export function stepsItem(id, title, tasks, open) {
  const list = make("ol", { class: "step-body" }, ...tasks.map(taskRow));
  return frame(id, "step", foldable(icon("steps"), make("span", { dir: "auto" }, title), list, open));
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

/**
 * Make a list of sources, or return null when there are none.
 * @param {any[]} sources
 */
export function sourceList(sources) {
  if (!sources.length) return null;
  const rows = sources.map((source) => make("li", {}, sourceLink(source)));
  return make("ul", { class: "sources", "aria-label": "Sources" }, ...rows);
}

function sourceLink(source) {
  const name = source.title || source.url || source.filename || "";
  const href = source.type === "url" && safeLink(source.url);
  if (!href) return make("span", {}, name);
  return make("a", { href, target: "_blank", rel: "nofollow noopener noreferrer" }, name);
}
