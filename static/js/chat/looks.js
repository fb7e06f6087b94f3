/** What options change about the looks: scheme, colours, type, language, and what is shown at all. */

import { renderMarkdown } from "./markdown.js";

/** 1 where a colour is so dark that white reads better on it than black does, else 0. */
const DARK = "clamp(0, (0.179 - y) * 1e4, 1)";
const RIGHT_TO_LEFT = /^(ar|ckb|dv|fa|he|ps|sd|ug|ur|yi)\b/i;

/**
 * @param {HTMLElement} host
 * @param {import("./view.js").View} view
 * @param {ReturnType<typeof import("./options.js").readOptions>} options
 */
export function applyLooks(host, view, { theme, locale, frameTitle, disclaimer, threadItemActions }) {
  const { colorScheme } = theme;
  if (colorScheme === "light" || colorScheme === "dark") host.dataset.scheme = colorScheme;
  else delete host.dataset.scheme;
  for (const [name, value] of Object.entries(properties(theme))) {
    if (value) view.root.style.setProperty(name, value);
    else view.root.style.removeProperty(name);
  }
  mark(view.root, "lang", locale);
  mark(view.root, "dir", locale && (RIGHT_TO_LEFT.test(locale) ? "rtl" : "ltr"));
  view.scroller.ariaLabel = frameTitle ?? "Conversation";
  for (const kind of ["feedback", "retry"]) host.toggleAttribute(`data-no-${kind}`, !threadItemActions[kind]);
  view.disclaimer.hidden = !disclaimer.text;
  view.disclaimer.classList.toggle("disclaimer-plain", Boolean(disclaimer.highContrast));
  renderMarkdown(view.disclaimer, disclaimer.text ?? "");
}

/** Return black or white, by the colour and by how much white there is for it. */
const gray = (color, white) => `color(from ${color} xyz-d65 calc(0.95 * ${white}) calc(${white}) calc(1.089 * ${white}))`;

/** An accent fills as it was given; where it is a letter or a line, it is as dark or light as that needs. */
function properties({ color = {}, typography = {} }) {
  const { primary, level = 1 } = color.accent ?? {};
  const { background, foreground } = color.surface ?? {};
  const mixed = (part) => foreground && `color-mix(in oklab, ${foreground} ${part}%, var(--paper))`;
  const { baseSize, fontFamily, fontFamilyMono } = typography;
  return {
    "--paper": background,
    "--raised": background,
    "--ink": foreground,
    "--ink-soft": mixed(75),
    "--line": mixed(14),
    "--fill": mixed(8),
    "--accent-fill": primary,
    "--accent": primary && `light-dark(oklch(from ${primary} min(l, 0.54) c h), oklch(from ${primary} max(l, 0.7) c h))`,
    "--accent-strong": primary && "color-mix(in oklab, var(--accent) 85%, var(--ink))",
    "--accent-fill-strong": primary && `color-mix(in oklab, ${primary} 90%, ${gray(primary, `(1 - ${DARK})`)})`,
    "--accent-soft": primary && `color-mix(in oklab, ${primary} ${8 + 4 * level}%, var(--paper))`,
    "--on-accent": primary && gray(primary, DARK),
    "--text": baseSize && `${baseSize}px`,
    "--sans": fontFamily,
    "--mono": fontFamilyMono,
  };
}

function mark(element, name, value) {
  if (value) element.setAttribute(name, value);
  else element.removeAttribute(name);
}
