/** Partial changes of items that are shown as a whole: workflows, widgets, pictures. */

/**
 * Return the item as the update leaves it; an update that does not fit changes nothing.
 * @param {any} item
 * @param {any} update
 */
export function applyUpdate(item, update) {
  switch (update.type) {
    case "workflow.task.added":
    case "workflow.task.updated":
      return withTask(item, update.task_index, update.task);
    case "widget.root.updated":
      return { ...item, widget: update.widget };
    case "widget.component.updated":
      return { ...item, widget: replaced(item.widget, update.component_id, () => update.component) };
    case "widget.streaming_text.value_delta": {
      const grow = (component) => ({ ...component, value: (component.value ?? "") + update.delta });
      return { ...item, widget: replaced(item.widget, update.component_id, grow) };
    }
    case "generated_image.updated":
      return { ...item, image: update.image };
    default:
      return item;
  }
}

function withTask(item, index, task) {
  if (!item.workflow) return item;
  const tasks = [...item.workflow.tasks];
  tasks[index] = task;
  return { ...item, workflow: { ...item.workflow, tasks: tasks.filter(Boolean) } };
}

function replaced(component, id, change) {
  if (Array.isArray(component)) return component.map((child) => replaced(child, id, change));
  if (!component || typeof component !== "object") return component;
  if (component.id === id) return change(component);
  if (!component.children) return component;
  return { ...component, children: replaced(component.children, id, change) };
}
