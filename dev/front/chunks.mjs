/**
 * Parts that are loaded on use, each a file that imports nothing.
 *
 * esbuild's own splitting puts shared modules into further files, which the panel imports at its
 * start: more requests, and one that failed stays failed in some browsers, whatever the panel's
 * address. Here the panel keeps its modules, and hands a part those that it names.
 */

import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import * as esbuild from "esbuild";

const SCRIPT = /[/\\]js[/\\](?:chat|widget)[/\\].*\.js$/;
const ON_USE = /\bimport\("(\.[^"]+)"\)/g;
const IMPORT = /(?<![\w$.])import(?:\{([^}]*)\}|\s?([^{}"()]*))from"(\.[^"]+)";?/g;

/**
 * @typedef {{ inside: Set<string>, chunks: Set<string>, entries: Set<string> }} Found absolute paths: what
 *   the entry has in itself, what it loads on use, and all entries, which are built anyway
 */

/**
 * Find what an entry has inside, and what it loads on use.
 * @param {Found} found its sets are filled here
 * @returns {import("esbuild").Plugin}
 */
export function leaveOut(found) {
  return {
    name: "leave-out",
    setup(build) {
      build.onResolve({ filter: /^\./ }, ({ kind, path: name, resolveDir }) => {
        if (kind !== "dynamic-import") return undefined;
        const file = existing(path.resolve(resolveDir, name));
        if (!found.entries.has(file)) found.chunks.add(file);
        return { path: name, external: true };
      });
      build.onEnd(({ metafile }) => {
        const folder = build.initialOptions.absWorkingDir ?? "";
        for (const name of Object.keys(metafile?.inputs ?? {})) found.inside.add(path.resolve(folder, name));
      });
    },
  };
}

function existing(file) {
  if (!existsSync(file)) throw new Error(`there is no ${file}`);
  return file;
}

/**
 * Build each part as `export default (shared) => its exports`; `shared` are things of the entry.
 * @param {Found} found
 * @param {import("esbuild").BuildOptions} settings
 */
export async function buildChunks({ inside, chunks }, settings) {
  const made = [];
  for (const file of [...chunks].sort()) {
    if (inside.has(file)) continue;
    const wanted = new Map();
    const built = await esbuild.build({
      ...settings,
      entryPoints: [file],
      plugins: [...(settings.plugins ?? []), taking(inside, wanted)],
    });
    const text = `let made;export default shared=>made??=(()=>{${returning(built.outputFiles?.[0].text ?? "")}})();\n`;
    made.push({ name: path.basename(file, ".js"), file, text, metafile: built.metafile, wanted });
  }
  return made;
}

/** The last statement of a module, `export{a as b}`, as that of a function. */
function returning(code) {
  return code.trim().replace(/export\{([^}]*)\};?$/, (_all, names) => {
    const pairs = names.split(",").map((one) => one.split(" as "));
    return `return{${pairs.map(([own, name = own]) => `${name}:${own}`).join(",")}}`;
  });
}

/** In a part: imports of what the entry has become names taken from `shared`. */
function taking(inside, wanted) {
  return {
    name: "taking",
    setup(build) {
      build.onLoad({ filter: SCRIPT }, async ({ path: file }) => {
        const code = await bare(file);
        if (code.match(ON_USE)) throw new Error(`${file} is loaded on use, and may not load more on use`);
        const contents = code.replace(IMPORT, (whole, names, other, from) => {
          const source = path.resolve(path.dirname(file), from);
          if (!inside.has(source)) return whole;
          if (other) throw new Error(`${file}: name what you import from ${from}`);
          return take(names, source, wanted);
        });
        return { contents };
      });
    },
  };
}

/** Without comments, whose types look like imports, and with one way to write an import. */
async function bare(file) {
  const { code } = await esbuild.transform(await readFile(file, "utf8"), { loader: "js", minifyWhitespace: true });
  return code;
}

function take(names, source, wanted) {
  const words = names.split(",").map((word) => word.trim()).filter(Boolean);
  for (const word of words) {
    const [name] = word.split(" as ");
    if ((wanted.get(name) ?? source) !== source) throw new Error(`two modules export ${name}: rename one`);
    wanted.set(name, source);
  }
  return `const { ${words.map((word) => word.replace(" as ", ": ")).join(", ")} } = shared;`;
}

/**
 * In the entry: what is loaded on use is handed what it takes.
 * @returns {import("esbuild").Plugin}
 */
export function handOver({ entries }, chunks) {
  const byFile = new Map(chunks.map((chunk) => [chunk.file, chunk]));
  return {
    name: "hand-over",
    setup(build) {
      build.onResolve({ filter: /^part:/ }, ({ path: name }) => ({ path: name.slice(5), external: true }));
      build.onResolve({ filter: /^shared:/ }, ({ path: name }) => ({ path: name.slice(7), namespace: "shared" }));
      build.onLoad({ filter: /.*/, namespace: "shared" }, ({ path: file }) => {
        const lines = [...byFile.get(file).wanted].sort().map(([name, source]) => `export { ${name} } from ${JSON.stringify(source)};`);
        return { contents: lines.join("\n"), resolveDir: path.dirname(file) };
      });
      build.onLoad({ filter: SCRIPT }, ({ path: file }) => load(file, byFile, entries));
    },
  };
}

async function load(file, byFile, entries) {
  const code = await bare(file);
  const shared = [];
  const contents = code.replace(ON_USE, (whole, name) => {
    const source = path.resolve(path.dirname(file), name);
    if (entries.has(source)) return `import("part:./${path.basename(source)}")`;
    const chunk = byFile.get(source);
    if (!chunk) return whole;
    shared.push(`import * as ${identifier(chunk)} from ${JSON.stringify(`shared:${source}`)};\n`);
    return `import("part:./${chunk.name}.js").then((part) => part.default(${identifier(chunk)}))`;
  });
  return { contents: shared.join("") + contents };
}

const identifier = (chunk) => `shared_${chunk.name.replace(/\W/g, "_")}`;
