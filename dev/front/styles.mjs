/**
 * In a bundle, style sheets come along as text.
 *
 * Modules below static/js/chat/ whose names end in styles.js fetch files that pages link; in their
 * places stand modules that have them. Sources of the widget may also say
 * `import text from "../../css/x.css"`.
 */

import { readFile } from "node:fs/promises";
import path from "node:path";
import * as esbuild from "esbuild";

const PIXELS_OF_A_REM = 16;
const REM = /(?<![\w.#-])(-?(?:\d+\.?\d*|\.\d+))rem\b/g;
const FILES = /^const FILES = (\[[^\]]*\]);$/m;
const EXPORTED = /^export const (\w+) = /m;

/** @returns {import("esbuild").Plugin} */
export function carryStyles(staticFolder) {
  const css = path.join(staticFolder, "css");
  return {
    name: "styles",
    setup(build) {
      build.onLoad({ filter: /[/\\]js[/\\]chat[/\\](?:.*[/\\])?[\w-]*styles\.js$/ }, async ({ path: file }) => {
        const code = await readFile(file, "utf8");
        const [listed, exported] = [FILES.exec(code), EXPORTED.exec(code)];
        if (!listed || !exported) throw new Error(`${file} needs lines \`const FILES = ["…"];\` and \`export const … = …\``);
        const files = JSON.parse(listed[1]).map((name) => path.join(css, `${name}.css`));
        return { contents: carrying(exported[1], await textOf(files)), watchFiles: files };
      });
      build.onLoad({ filter: /\.css$/ }, async ({ path: file }) => ({ contents: await textOf([file]), loader: "text" }));
    },
  };
}

/** Files in their order, minified together, so that what repeats is one rule. */
async function textOf(files) {
  const texts = await Promise.all(files.map((file) => readFile(file, "utf8")));
  // A site may set the size of its own root element; ours has to stay as it is on our pages.
  const fixed = texts.join("\n").replace(REM, (_all, number) => `${Number(number) * PIXELS_OF_A_REM}px`);
  const { code } = await esbuild.transform(fixed, { loader: "css", minify: true, charset: "utf8", target: TARGET });
  return tighter(code);
}

/** What esbuild leaves as it was written: the values of custom properties, and the ends of lines. */
function tighter(css) {
  const values = (all) => all.replace(/\s*,\s*/g, ",").replace(/:\s+/, ":").replace(SHORT, "#$1$2$3");
  return css.trim().replace(/\n/g, "").replace(/--[\w-]+:\s*[^;{}]*/g, values);
}

const SHORT = /#([0-9a-f])\1([0-9a-f])\2([0-9a-f])\3\b/g;

/** `light-dark()` stays: an older target would have it rewritten. */
const TARGET = ["chrome123", "firefox120", "safari17.5"];

const carrying = (name, text) => `
  let made;
  export function ${name}() {
    if (!made) {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(${JSON.stringify(text)});
      made = Promise.resolve([sheet]);
    }
    return made;
  }
`;
