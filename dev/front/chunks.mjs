/**
 * Parts that are loaded on use, each a file that imports nothing.
 *
 * esbuild's own splitting puts shared modules into further files, which the panel imports at its
 * start: more requests, and one that failed stays failed in some browsers, whatever the panel's
 * address. Here the panel keeps its modules, and hands a part those that it names. A part may load
 * parts of its own, and hands on what they name. One that failed is tried again under another address.
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
 *   is there already, what is loaded on use, and all entries, which are built anyway
 * @typedef {{ name: string, file: string, text: string, metafile: any, wanted: Map<string, string>,
 *   parts: Chunk[] }} Chunk `wanted`: the names that it is handed, each with the module that exports it
 */

/**
 * Find what an entry or a part has inside, and what it loads on use.
 * @param {Found} found its sets are filled here
 * @returns {import("esbuild").Plugin}
 */
export function leaveOut(found) {
  return {
    name: "leave-out",
    setup(build) {
      build.onResolve({ filter: /^\./ }, ({ kind, path: name, resolveDir }) => {
        if (kind !== "dynamic-import") return undefined;
        const file = path.resolve(resolveDir, name);
        if (!existsSync(file)) return { errors: [{ text: `there is no ${name}` }] };
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

/**
 * Build what is loaded on use.
 * @param {Found} found
 * @param {import("esbuild").BuildOptions} settings
 * @returns {Promise<Chunk[]>}
 */
export async function buildChunks(found, settings) {
  const made = [];
  for (const file of [...found.chunks].sort()) {
    if (!found.inside.has(file)) made.push(await buildChunk(file, found, settings));
  }
  return made;
}

/** Build a part as `export default (shared) => its exports`; `shared` are things of what loads it. */
async function buildChunk(file, outer, settings) {
  const base = { ...settings, entryPoints: [file] };
  const own = { inside: new Set(), chunks: new Set(), entries: outer.entries };
  const taking = (wanted) => ({ inside: outer.inside, wanted });
  const styles = settings.plugins ?? [];
  await esbuild.build({ ...base, plugins: [...styles, handOver(outer, [], taking(new Map())), leaveOut(own)] });
  const parts = await buildChunks({ ...own, inside: new Set([...outer.inside, ...own.inside]) }, settings);
  const wanted = new Map();
  const built = await esbuild.build({ ...base, plugins: [...styles, handOver(outer, parts, taking(wanted))] });
  const text = `let made;export default shared=>made??=(()=>{${returning(built.outputFiles?.[0].text ?? "")}})();\n`;
  return { name: path.basename(file, ".js"), file, text, metafile: built.metafile, wanted, parts };
}

/** The last statement of a module, `export{a as b}`, as that of a function. */
function returning(code) {
  return code.trim().replace(/export\{([^}]*)\};?$/, (_all, names) => {
    const pairs = names.split(",").map((one) => one.split(" as "));
    return `return{${pairs.map(([own, name = own]) => `${name}:${own}`).join(",")}}`;
  });
}

const ALL = { inside: new Set(), wanted: new Map() };

/**
 * What is loaded on use is handed what it takes; and in a part, imports of what is there already
 * become names taken from `shared`.
 * @param {Found} found
 * @param {Chunk[]} chunks
 * @param {{ inside: Set<string>, wanted: Map<string, string> }} [taking] an entry takes nothing
 * @returns {import("esbuild").Plugin}
 */
export function handOver({ entries }, chunks, taking = ALL) {
  const byFile = new Map(chunks.map((chunk) => [chunk.file, chunk]));
  return {
    name: "hand-over",
    setup(build) {
      build.onResolve({ filter: /^part:/ }, ({ path: name }) => ({ path: name.slice(5), external: true }));
      build.onResolve({ filter: /^shared:/ }, ({ path: name }) => ({ path: name.slice(7), namespace: "shared" }));
      build.onResolve({ filter: /^loader:$/ }, ({ path: name }) => ({ path: name, namespace: "loader" }));
      build.onLoad({ filter: /.*/, namespace: "loader" }, () => ({ contents: LOADER }));
      build.onLoad({ filter: /.*/, namespace: "shared" }, ({ path: file }) => {
        const lines = [...byFile.get(file).wanted].sort().map(([name, source]) => handedOn(name, source, taking));
        // Without this, an empty one counts as CommonJS, and brings along what takes such a module in.
        return { contents: ["export {};", ...lines].join("\n"), resolveDir: path.dirname(file) };
      });
      build.onLoad({ filter: SCRIPT }, ({ path: file }) =>
        bare(file)
          .then((code) => ({ contents: loads(take(code, file, taking), file, byFile, entries) }))
          .catch((error) => ({ errors: error.errors ?? [{ text: error.message }] })),
      );
    },
  };
}

/** Without comments, whose types look like imports, and with one way to write an import. */
async function bare(file) {
  const { code } = await esbuild.transform(await readFile(file, "utf8"), { loader: "js", minifyWhitespace: true, sourcefile: file });
  return code;
}

function take(code, file, { inside, wanted }) {
  return code.replace(IMPORT, (whole, names, other, from) => {
    const source = path.resolve(path.dirname(file), from);
    if (!inside.has(source)) return whole;
    if (other) throw new Error(`${path.basename(file)} has to name what it imports from ${from}`);
    const words = names.split(",").map((word) => word.trim()).filter(Boolean);
    for (const word of words) want(word.split(" as ")[0], source, wanted);
    return `const { ${words.map((word) => word.replace(" as ", ": ")).join(", ")} } = shared;`;
  });
}

function want(name, source, wanted) {
  if ((wanted.get(name) ?? source) !== source) throw new Error(`two modules export ${name}: rename one`);
  wanted.set(name, source);
}

/** What a part hands to a part of its own is its own, or was handed to it. */
function handedOn(name, source, { inside, wanted }) {
  if (!inside.has(source)) return `export { ${name} } from ${JSON.stringify(source)};`;
  want(name, source, wanted);
  return `export const ${name} = shared.${name};`;
}

/** A browser may remember that an address failed. */
const LOADER = `
  const tries = {};
  export const load = (name, shared) =>
    import(tries[name] ? name + "?try=" + tries[name] : name).then(
      (part) => part.default(shared),
      (error) => {
        tries[name] = (tries[name] ?? 0) + 1;
        throw error;
      },
    );
`;

function loads(code, file, byFile, entries) {
  const shared = new Set();
  const contents = code.replace(ON_USE, (whole, name) => {
    const source = path.resolve(path.dirname(file), name);
    if (entries.has(source)) return `import("part:./${path.basename(source)}")`;
    const chunk = byFile.get(source);
    if (!chunk) return whole;
    shared.add(`import * as ${identifier(chunk)} from ${JSON.stringify(`shared:${source}`)};\n`);
    return `load_part("./${chunk.name}.js", ${identifier(chunk)})`;
  });
  if (shared.size) shared.add('import { load as load_part } from "loader:";\n');
  return [...shared].join("") + contents;
}

const identifier = (chunk) => `shared_${chunk.name.replace(/\W/g, "_")}`;
