/** What the colours and the type of a theme are, as custom properties. */

/** 1 where a colour is so dark that white reads better on it than black does, else 0. */
const DARK = "clamp(0, (0.179 - y) * 1e4, 1)";

/** Return black or white, by the colour and by how much white there is for it. */
const gray = (color, white) => `color(from ${color} xyz-d65 calc(0.95 * ${white}) calc(${white}) calc(1.089 * ${white}))`;

/**
 * Return the custom properties of a theme; what it does not say is undefined.
 *
 * An accent fills as it was given; where it is a letter or a line, it is as dark or light as that needs.
 * @param {any} theme as readOptions gives it
 */
export function propertiesOf({ color = {}, typography = {} }) {
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
