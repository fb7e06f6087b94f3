/** Drawings for the buttons that a site puts into the bar: every name of the official element. */

const PATHS = {
  sidebar: "M4 5h16v14H4zM9.5 5v14",
  "sidebar-right": "M4 5h16v14H4zM14.5 5v14",
  open: "M9 6l6 6-6 6",
  collapse: "M15 6l-6 6 6 6",
  double: "M12.5 6l-6 6 6 6M18.5 6l-6 6 6 6",
  "double-right": "M5.5 6l6 6-6 6M11.5 6l6 6-6 6",
  home: "M4.5 11L12 4.5l7.5 6.5M6.5 9.5V19h11V9.5M10 19v-5h4v5",
  back: "M19 12H6M11.5 6.5L6 12l5.5 5.5",
  expand: "M14 5h5v5M19 5l-6 6M10 19H5v-5M5 19l6-6",
  shrink: "M13 6v5h5M13 11l6-6M11 18v-5H6M11 13l-6 6",
  star: "M12 4l2.4 5.1 5.6.7-4.1 3.8 1.1 5.6L12 16.4l-5 2.8 1.1-5.6L4 9.8l5.6-.7z",
  bug: "M8 10a4 4 0 0 1 8 0v5a4 4 0 0 1-8 0zM4 8l4 2M20 8l-4 2M3.5 13.5H8M16 13.5h4.5M4.5 19L8 16.5M19.5 19L16 16.5M9 6L7.5 4M15 6l1.5-2",
  chat: "M5 5.5h14v10h-8l-4 3.5v-3.5H5z",
  settings: "M12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM12 3.5v3M12 17.5v3M3.5 12h3M17.5 12h3M6 6l2.1 2.1M15.9 15.9L18 18M18 6l-2.1 2.1M8.1 15.9L6 18",
  grid: "M5 5h5.5v5.5H5zM13.5 5H19v5.5h-5.5zM5 13.5h5.5V19H5zM13.5 13.5H19V19h-5.5z",
  dots: "M5 12h.01M12 12h.01M19 12h.01",
  "dots-vertical": "M12 5v.01M12 12v.01M12 19v.01",
  menu: "M4 7h16M4 12h16M4 17h16",
  history: "M5 12a7 7 0 1 0 2.1-5M5 3.5V8h4.5M12 8.5V12l2.5 2",
  book: "M12 7c-2-1.5-4.5-2-7.5-2v12c3 0 5.5.5 7.5 2 2-1.5 4.5-2 7.5-2V5c-3 0-5.5.5-7.5 2zM12 7v12",
  compose: "M11 5H5v14h14v-6M10 14l.5-3L17.5 4l2.5 2.5-7 7z",
  share: "M12 15V4M8 7.5L12 3.5l4 4M5 12v7.5h14V12",
  light: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 3v2M12 19v2M3 12h2M19 12h2M5.6 5.6L7 7M17 17l1.4 1.4M18.4 5.6L17 7M7 17l-1.4 1.4",
  dark: "M19 14.5A7.5 7.5 0 0 1 9.5 5a7.5 7.5 0 1 0 9.5 9.5z",
  close: "M6 6l12 12M18 6L6 18",
};

/** Names that begin so are drawn so; the longer beginning stands first. */
const FAMILIES = [
  [/^(sidebar).*right/, "sidebar-right"],
  [/^double.*right/, "double-right"],
  [/^(open-left|collapse-left)/, "collapse"],
  [/^(open-right|collapse-right)/, "open"],
  [/^collapse-/, "shrink"],
  [/^hamburger/, "menu"],
];

/**
 * Return the path of a drawing; what nobody knows is three dots.
 * @param {string} name
 */
export function iconOf(name) {
  const known = FAMILIES.find(([pattern]) => pattern.test(name))?.[1] ?? name;
  const parts = String(known).split("-");
  while (parts.length && !Object.hasOwn(PATHS, parts.join("-"))) parts.pop();
  return PATHS[parts.join("-") || "dots"];
}

/** Return what such a button is called when its site does not say: the name in words. */
export function nameOf(name) {
  const [first, ...rest] = String(name).split("-").filter((part) => !/^(alt|large|small|filled|cog)$/.test(part));
  return [first.charAt(0).toUpperCase() + first.slice(1), ...rest].join(" ");
}
