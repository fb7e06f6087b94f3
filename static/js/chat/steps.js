/** What the assistant did on the way: tools, tasks, and workflows. */

import { icon, make } from "./dom.js";
import { renderMarkdown } from "./markdown.js";
import { sourceList } from "./sources.js";
import { word } from "./words.js";

const TOOL = "M14.5 5.5a4 4 0 0 0-4.9 5.2L5 15.3 8.7 19l4.6-4.6a4 4 0 0 0 5.2-4.9l-2.6 2.6-2.6-.6-.6-2.6z";
const STEPS = "M5 7h.01M9 7h10M5 12h.01M9 12h10M5 17h.01M9 17h10";
const TASKS = new Set(["web_search", "thought", "file", "image"]);

/** Make what is shown of a client tool call. */
export function toolCard(item) {
  const done = item.status === "completed";
  const [before, after] = word(done ? "step.used" : "step.waiting").split("{name}");
  const name = make("span", {}, before || null, make("code", {}, item.name), after || null);
  const body = make("div", { class: "step-body" }, ...json(word("step.input"), item.arguments));
  if (done) body.append(...json(word("step.output"), item.output ?? null));
  return foldable(icon(TOOL), name, body, false);
}

function json(heading, value) {
  return [make("h3", {}, heading), make("pre", { tabindex: 0 }, JSON.stringify(value, null, 2))];
}

/** Make what is shown of a task or a workflow. */
export function stepsCard(title, tasks, open, origin) {
  const list = make("ol", { class: "step-body" }, ...tasks.map((task) => taskRow(task, origin)));
  return foldable(icon(STEPS), make("span", { dir: "auto" }, title), list, open);
}

function foldable(drawing, title, body, open) {
  return make("details", { class: "step", open }, make("summary", {}, drawing, title), body);
}

function taskRow(task, origin) {
  const row = make("li", {}, make("p", { class: "step-title", dir: "auto" }, taskTitle(task)));
  if (task.content) row.append(renderMarkdown(make("div", { class: "prose", dir: "auto" }), task.content, origin));
  if (task.queries?.length) row.append(make("p", { class: "item-note", dir: "auto" }, task.queries.join(" · ")));
  const sources = sourceList(task.sources ?? []);
  if (sources) row.append(sources);
  return row;
}

/** Name a task. */
export function taskTitle(task) {
  return task.title || word(`step.${TASKS.has(task.type) ? task.type : "other"}`);
}

/** Name a workflow. */
export function workflowTitle(workflow) {
  const { summary, type } = workflow;
  if (summary?.title) return summary.title;
  if (summary?.duration !== undefined && summary?.duration !== null) {
    return word(type === "reasoning" ? "step.thoughtFor" : "step.workedFor", { seconds: summary.duration });
  }
  return word(type === "reasoning" ? "step.thinking" : "step.steps");
}
