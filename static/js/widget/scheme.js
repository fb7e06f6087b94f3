/** Light or dark, as the host page is, and what makes us look at the page again. */

import { html } from "./host.js";

const darkDevice = matchMedia("(prefers-color-scheme:dark)");
/** Themes that fade have their new colours only after a while. */
const FADED_MS = 600;

/**
 * Return what the host page is: what it says by `color-scheme`, in its style or in a meta tag, of
 * which its style knows nothing; else what its background shows. A page
 * with no background of its own is dark only where it says that it may be.
 * @returns {"light" | "dark"}
 */
export function hostScheme() {
  const styled = getComputedStyle(html).colorScheme;
  const meta = /** @type {HTMLMetaElement | null} */ (document.querySelector("meta[name=color-scheme]"));
  const named = styled === "normal" ? (meta?.content ?? "") : styled;
  const mayBeDark = named.includes("dark");
  let light = mayBeDark && (darkDevice.matches || !named.includes("light")) ? 0 : 1;
  if (mayBeDark === named.includes("light")) light = lightness(document.body) ?? lightness(html) ?? light;
  return light < 0.5 ? "dark" : "light";
}

/**
 * Call back whenever the page may look different, or a child of its root comes or goes: pages that
 * navigate by script replace the body.
 * @param {() => void} changed
 */
export function watchPage(changed) {
  let timer = 0;
  const observer = new MutationObserver(look);
  function look() {
    observer.observe(html, { attributes: true, childList: true });
    if (document.body) observer.observe(document.body, { attributes: true });
    changed();
    clearTimeout(timer);
    timer = setTimeout(changed, FADED_MS);
  }
  darkDevice.onchange = changed;
  addEventListener("load", changed);
  look();
}

/**
 * Return how light an element's background is, from 0 to 1; null if one sees through it.
 * @param {Element | null} element
 */
function lightness(element) {
  const color = element ? getComputedStyle(element).backgroundColor : "";
  const [first, second, third, alpha = 1] = (color.match(/(?<=[( ])-?[\d.]+/g) ?? [0, 0, 0, 0]).map(Number);
  if (alpha < 0.5) return null;
  // The first number of lab() and oklch() is it.
  const light = /^(ok)?l/.test(color) ? first : 0.2126 * first + 0.7152 * second + 0.0722 * third;
  return light / ({ r: 255, l: 100 }[color[0]] ?? 1);
}
