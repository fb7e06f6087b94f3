/**
 * Build the widget: node build.mjs <static folder> <output folder>
 *
 * Every file is whole in itself: the launcher and the panel import nothing at their start, so that
 * one request is one thing that can fail, and trying again under another address tries all of it.
 * What sources load on use, `import("./x.js")`, becomes a file of its own that is handed the
 * modules that the panel has already, see chunks.mjs. docs/decisions/0033 has the reasons.
 */

import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import * as esbuild from "esbuild";
import { minify } from "terser";
import { buildChunks, handOver, leaveOut } from "./chunks.mjs";
import { carryStyles } from "./styles.mjs";

/** What is built: the source, below static/js/widget/, and its form. */
const ENTRIES = [
  { name: "launcher", format: "iife" },
  { name: "panel", format: "esm" },
  { name: "official", format: "esm" },
];
/** Safari 17.5, Chrome 123 and Firefox 120 are the first that know `light-dark()`, which we need anyway. */
const TARGET = ["chrome123", "firefox120", "safari17.5"];

const [staticFolder, out] = process.argv.slice(2).map((word) => path.resolve(word));

/** @returns {import("esbuild").BuildOptions} */
function settings(format) {
  return {
    absWorkingDir: staticFolder,
    bundle: true,
    minify: true,
    format,
    target: TARGET,
    charset: "utf8",
    legalComments: "none",
    metafile: true,
    write: false,
    outdir: out,
    logLevel: "silent",
  };
}

const sourceOf = ({ name }) => path.join(staticFolder, "js", "widget", `${name}.js`);

async function build({ name, format }) {
  const styles = carryStyles(staticFolder);
  const found = { inside: new Set(), chunks: new Set(), entries: new Set(ENTRIES.map(sourceOf)) };
  const base = { ...settings(format), entryPoints: [sourceOf({ name })] };
  await esbuild.build({ ...base, plugins: [styles, leaveOut(found)] });
  const chunks = await buildChunks(found, { ...settings("esm"), plugins: [styles] });
  const whole = await esbuild.build({ ...base, plugins: [styles, handOver(found, chunks)] });
  await keep(`${name}.js`, whole.outputFiles[0].text, whole.metafile, format === "esm");
  await keepAll(chunks);
}

async function keepAll(chunks) {
  for (const { name, text, metafile, parts } of chunks) {
    await keep(`${name}.js`, text, metafile, true);
    await keepAll(parts);
  }
}

const made = new Map();

async function keep(name, text, metafile, module) {
  const whole = `${await banner(metafile)}${await smaller(text, module)}\n`;
  // What takes nothing from what loads it is the same for all, such as the words of a language.
  if ((made.get(name) ?? whole) !== whole) throw new Error(`two parts of the widget are called ${name}: rename one of the sources`);
  made.set(name, whole);
}

/** esbuild is quick, terser thorough: another 3 % on the wire. */
async function smaller(text, module) {
  const done = await minify(text, { module, ecma: 2020, compress: { passes: 3, unsafe_arrows: true, unsafe_methods: true } });
  return done.code ?? "";
}

/** What could not be built stays as it was. */
async function write(complete) {
  await mkdir(out, { recursive: true });
  const stale = complete ? (await readdir(out)).filter((name) => !made.has(name)) : [];
  for (const name of stale) await rm(path.join(out, name), { recursive: true });
  for (const [name, text] of made) await writeFile(path.join(out, name), text);
}

/**
 * Whose work is inside: MIT asks for the notice in every copy; the whole text lies in vendor/. What
 * is ours alone goes without, as the launcher has no byte too many.
 */
async function banner(metafile) {
  const vendored = Object.keys(metafile.inputs).filter((name) => name.startsWith("vendor/")).sort();
  const notices = [];
  for (const name of vendored) {
    const licence = name.replace(/\.min\.js$/, ".LICENSE");
    const notice = /^Copyright .*$/m.exec(await readFile(path.join(staticFolder, licence), "utf8"));
    if (!notice) throw new Error(`${licence} has no line that begins with "Copyright"`);
    notices.push(` ${path.basename(licence, ".LICENSE")}: ${notice[0].trim()}, MIT, ../${licence}`);
  }
  return notices.length ? `/*! Built by ./run bundle.${notices.join("")} */\n` : "";
}

async function main() {
  if (!staticFolder || !out) throw new Error("usage: node build.mjs <static folder> <output folder>");
  const failed = [];
  for (const entry of ENTRIES) {
    const source = sourceOf(entry);
    if (existsSync(source)) await build(entry).catch((error) => failed.push(reason(entry, error)));
    else failed.push(`static/js/widget/${entry.name}.js is missing`);
  }
  await write(failed.length === 0);
  if (failed.length) throw new Error(failed.join("\n"));
}

/** A line for each thing that is wrong, with its place where esbuild knows it. */
function reason({ name }, error) {
  const lines = (error.errors ?? [{ text: error.message }]).map(
    ({ text, location }) => `${location ? `static/${location.file}:${location.line}: ` : ""}${text}`,
  );
  return `${name}.js was not built: ${lines.join("\n")}`;
}

main().catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
