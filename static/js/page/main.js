/** Mounts the module that each `[data-module]` names. When one fails, its plain link or form works. */

const MODULES = {
  chat: () => import("./chat.js"),
  threads: () => import("./threads.js"),
  search: () => import("./search.js"),
  notices: () => import("./notices.js"),
  select: () => import("./select.js"),
  sidebar: () => import("./sidebar.js"),
  "sign-out": () => import("./sign-out.js"),
  forget: () => import("./forget.js"),
  gone: () => import("./gone.js"),
};

for (const element of document.querySelectorAll("[data-module]")) {
  const name = element.getAttribute("data-module") ?? "";
  MODULES[name]?.()
    .then((module) => module.mount(element))
    .then(() => element.setAttribute("data-mounted", ""))
    .catch((error) => console.error("The module %s did not start.", name, error));
}
