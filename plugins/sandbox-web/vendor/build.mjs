// Builds what generated apps import, once and for all of them (`npm run build`):
//   ../generated/assets/*.js      browser modules: ESM, split, minified, named by content
//   ../generated/vendor.json      import map, preloads and exports of each of them; an asset too,
//                                 for whoever serves them
//   ../generated/tailwind.js      the Tailwind compiler for QuickJS
//   ../generated/base.css         Tailwind's reset, our theme and the classes of @labd/ui
//   ../generated/server/*.js      zod and date-fns for server code, in QuickJS
import { createRequire } from "node:module";
import fs from "node:fs";
import path from "node:path";
import zlib from "node:zlib";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";
import { icons } from "./src/icons.mjs";

const here = path.dirname(fileURLToPath(import.meta.url));
const require = createRequire(import.meta.url);
process.env.NODE_ENV = "production";
const out = path.join(here, "../generated");
const assets = path.join(out, "assets");
const entries = path.join(here, "node_modules/.labd-entries");
for (const dir of [out, entries]) fs.rmSync(dir, { recursive: true, force: true });
for (const dir of [assets, entries, path.join(out, "server")]) fs.mkdirSync(dir, { recursive: true });

// CommonJS packages need their names spelled out; ESM packages are passed on as they are.
const COMMON_JS = ["react", "react-dom", "react-dom/client", "react/jsx-runtime"];
const MODULES = ["recharts", "@tanstack/react-table", "date-fns", "zod"];
const OWN = { "@labd/data": "src/data/index.ts", "@labd/ui": "src/ui/index.ts" };
const specifiers = [...COMMON_JS, ...MODULES, "lucide-react", ...Object.keys(OWN)];

const fileName = (specifier) => specifier.replace("@", "").replaceAll("/", "-");
const entryPoints = {};
for (const specifier of specifiers) {
  const from = JSON.stringify(specifier);
  let text;
  if (COMMON_JS.includes(specifier)) {
    const names = Object.keys(require(specifier)).filter((name) => /^[A-Za-z_$][\w$]*$/.test(name) && name !== "default" && !name.startsWith("__"));
    text = `import m from ${from};\nexport default m;\nexport const { ${names.join(", ")} } = m;\n`;
  } else if (specifier === "lucide-react") {
    const names = Object.keys(require(specifier));
    for (const icon of icons) if (!names.includes(icon)) throw new Error(`lucide-react has no icon ${icon}; remove it from src/icons.mjs`);
    text = `export { ${icons.join(", ")}, createLucideIcon } from ${from};\n`;
  } else if (specifier === "zod") {
    text = `export * from "zod"; export { z as default } from "zod";\n`;
  } else if (OWN[specifier]) {
    text = `export * from ${JSON.stringify(path.join(here, OWN[specifier]))};\n`;
  } else {
    text = `export * from ${from};\n`;
  }
  const file = path.join(entries, `${fileName(specifier)}.js`);
  fs.writeFileSync(file, text);
  entryPoints[fileName(specifier)] = file;
}

const alias = Object.fromEntries(Object.entries(OWN).map(([name, file]) => [name, path.join(here, file)]));
// zod brings its messages in fifty languages; English is enough for what an app's author reads.
const slim = {
  name: "slim-zod",
  setup(build) {
    build.onResolve({ filter: /locales\/index\.js$/ }, (args) =>
      args.importer.includes("/zod/") ? { path: path.join(path.dirname(path.resolve(args.resolveDir, args.path)), "en.js"), namespace: "slim-zod" } : null);
    build.onLoad({ filter: /.*/, namespace: "slim-zod" }, (args) => ({ contents: `export { default as en } from ${JSON.stringify(args.path)};`, resolveDir: path.dirname(args.path) }));
  },
};
const common = { plugins: [slim], bundle: true, minify: true, legalComments: "none", define: { "process.env.NODE_ENV": '"production"' }, logLevel: "warning" };

// One build for all, so that what they share (React above all) exists once.
const browser = await esbuild.build({
  ...common, entryPoints, alias, splitting: true, format: "esm", target: "es2022", outdir: assets, jsx: "automatic",
  entryNames: "[name]-[hash]", chunkNames: "chunk-[hash]", metafile: true, absWorkingDir: here,
});

const relative = (output) => path.relative(assets, path.resolve(here, output));
const vendor = { imports: {}, preloads: {}, exports: {} };
for (const [output, meta] of Object.entries(browser.metafile.outputs)) {
  const entry = meta.entryPoint && path.basename(meta.entryPoint, ".js");
  const specifier = entry && specifiers.find((name) => fileName(name) === entry);
  if (!specifier) continue;
  const closure = [];
  const visit = (file) => {
    if (closure.includes(file)) return;
    closure.push(file);
    for (const one of browser.metafile.outputs[file].imports) if (one.kind === "import-statement") visit(one.path);
  };
  visit(output);
  vendor.imports[specifier] = relative(output);
  vendor.preloads[specifier] = closure.map(relative).reverse();
  vendor.exports[specifier] = [...meta.exports].sort();
}
for (const specifier of specifiers) if (!vendor.imports[specifier]) throw new Error(`no output for ${specifier}`);

await esbuild.build({
  ...common, entryPoints: [path.join(here, "src/tailwind/entry.js")], format: "iife", target: "es2022",
  loader: { ".css": "text" }, outfile: path.join(out, "tailwind.js"),
});
for (const name of ["zod", "date-fns"]) {
  await esbuild.build({ ...common, entryPoints: [path.join(entries, `${name}.js`)], format: "esm", target: "es2022", outfile: path.join(out, "server", `${name}.js`) });
}

// The classes of @labd/ui: Tailwind makes a rule of each token that is one, and passes the others over.
const { compile } = await import("tailwindcss");
const stylesheet = fs.readFileSync(require.resolve("tailwindcss/index.css"), "utf8");
const theme = fs.readFileSync(path.join(here, "src/ui/theme.css"), "utf8");
const { build } = await compile('@import "tailwindcss";\n' + theme, { base: "/", loadStylesheet: async (id) => ({ path: id, base: "/", content: stylesheet }) });
const tokens = new Set();
for (const file of fs.readdirSync(path.join(here, "src/ui")).filter((name) => /\.tsx?$/.test(name))) {
  const source = fs.readFileSync(path.join(here, "src/ui", file), "utf8");
  for (const [, a, b] of source.matchAll(/"((?:[^"\\\n]|\\.)*)"|`([^`]*)`/g)) {
    for (const token of (a ?? b).split(/[\s${}?:"']+(?=\s|$)|\s+|"/)) if (/^[a-z@*[!-][^\s"'`${}<>\\]*$/.test(token) && token.length < 100) tokens.add(token);
  }
}
const css = build([...tokens].sort());
const base = await esbuild.transform(css, { loader: "css", minify: true, target: "es2022" });
fs.writeFileSync(path.join(out, "base.css"), base.code);
for (const folder of [out, assets]) fs.writeFileSync(path.join(folder, "vendor.json"), JSON.stringify(vendor, null, 1));
// The preview's shell makes its import map of it.
fs.copyFileSync(path.join(out, "vendor.json"), path.join(assets, "vendor.json"));

// What is bundled comes with its licences.
const packages = new Set();
for (const input of [...Object.keys(browser.metafile.inputs), "node_modules/tailwindcss/index.css"]) {
  const match = /^(node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input);
  if (match && !match[1].endsWith(".labd-entries")) packages.add(match[1]);
}
const licences = [...packages].sort().map((dir) => {
  const { name, version, license } = JSON.parse(fs.readFileSync(path.join(here, dir, "package.json"), "utf8"));
  const file = fs.readdirSync(path.join(here, dir)).find((one) => /^licen[cs]e/i.test(one));
  return `${name} ${version} (${license})\n\n${file ? fs.readFileSync(path.join(here, dir, file), "utf8").trim() : ""}\n`;
});
fs.writeFileSync(path.join(assets, "third-party-licences.txt"), licences.join(`\n${"-".repeat(80)}\n\n`));

let raw = 0, packed = 0;
for (const file of fs.readdirSync(assets)) {
  const bytes = fs.readFileSync(path.join(assets, file));
  const gzip = zlib.gzipSync(bytes, { level: 9 });
  raw += bytes.length;
  packed += gzip.length;
  if (process.argv.includes("--sizes")) console.log(file, bytes.length, gzip.length);
  // Twins for browsers that take them; the daemon compresses nothing by itself.
  if (!file.endsWith(".js")) continue;
  const brotli = zlib.brotliCompressSync(bytes, { params: { [zlib.constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } });
  for (const [ending, twin] of [[".gz", gzip], [".br", brotli]]) {
    if (twin.length < bytes.length * 0.95) fs.writeFileSync(path.join(assets, file + ending), twin);
  }
}
console.log(`vendor: ${raw} bytes, ${packed} gzip; base.css ${base.code.length}`);

// Exported apps bring @labd/data and @labd/ui along as source.
for (const name of ["data", "ui"]) fs.cpSync(path.join(here, "src", name), path.join(assets, "export", `labd-${name}`), { recursive: true });
