/** The demo page's buttons, each a line of what a site would write; and the widget's events. */

const COLOURS = ["#0b6b63", "#7c3aed", "#b45309", "#111827"];
const state = { colour: 0, side: "right" };

const deeds = {
  toggle: () => Threadkeeper.toggle(),
  ask: () => Threadkeeper.ask("How long does delivery take?"),
  quote: () => Threadkeeper.ask({ quote: document.querySelector("article p").innerText }),
  left: () => Threadkeeper.init({ position: (state.side = state.side === "right" ? "left" : "right") }),
  color: () => Threadkeeper.init({ color: COLOURS[(state.colour = (state.colour + 1) % COLOURS.length)] }),
  scheme: () => turn("colorScheme", "dark", "light"),
  direction: () => (document.documentElement.dir = document.documentElement.dir === "rtl" ? "ltr" : "rtl"),
};

function turn(name, one, other) {
  const { style } = document.documentElement;
  style[name] = style[name] === one ? other : one;
}

document.addEventListener("click", (event) => deeds[event.target.closest?.("[data-do]")?.dataset.do]?.());

const log = document.querySelector(".demo-log");
for (const name of ["open", "close", "person", "signin", "error", "chatkit.thread.change", "chatkit.response.end"]) {
  Threadkeeper.on(name, (detail) => {
    const line = document.createElement("p");
    line.textContent = `${name} ${detail ? JSON.stringify(detail) : ""}`;
    log.prepend(line);
    while (log.childElementCount > 20) log.lastElementChild.remove();
  });
}
