/**
 * In a bundle, style sheets come along as text.
 *
 * static/js/chat/styles.js fetches the files that pages link; in its place stands a module that has
 * them. Sources of the widget may also say `import text from "../../css/x.css"`.
 */

import { readFile } from "node:fs/promises";
import path from "node:path";
import * as esbuild from "esbuild";

const PIXELS_OF_A_REM = 16;
const REM = /(?<![\w.#-])(-?(?:\d+\.?\d*|\.\d+))rem\b/g;
const FILES = /^const FILES = (\[[^\]]*\]);$/m;

/** @returns {import("esbuild").Plugin} */
export function carryStyles(staticFolder) {
  const css = path.join(staticFolder, "css");
  return {
    name: "styles",
    setup(build) {
      build.onLoad({ filter: /[/\\]js[/\\]chat[/\\]styles\.js$/ }, async ({ path: file }) => {
        const listed = FILES.exec(await readFile(file, "utf8"));
        if (!listed) throw new Error('static/js/chat/styles.js needs a line `const FILES = ["…"];`');
        const files = JSON.parse(listed[1]).map((name) => path.join(css, `${name}.css`));
        return { contents: carrying(await textOf(files)), watchFiles: files };
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

const carrying = (text) => `
  let made;
  export function sheets() {
    if (!made) {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(${JSON.stringify(text)});
      made = Promise.resolve([sheet]);
    }
    return made;
  }
`;
