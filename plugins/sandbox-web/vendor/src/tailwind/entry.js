// The Tailwind compiler as QuickJS runs it, inside the sandbox. `globalThis.__tailwind` is all
// that the guest calls; it holds one compiler per call of `open`.
import { compile } from "tailwindcss";
import index from "tailwindcss/index.css";
import theme from "../ui/theme.css";

/** What `@import "tailwindcss"` and its parts stand for; our theme comes with the whole. */
const OWN = {
  "tailwindcss": index,
  "tailwindcss/index.css": index,
};

globalThis.__tailwind = {
  /**
   * A compiler for these style sheets: a list of [path, text], in the order of their import.
   * Gives a function from class candidates (added to those of before) to CSS.
   */
  async open(sheets) {
    const files = new Map(sheets);
    const served = new Set();
    const root = [
      '@import "tailwindcss";',
      '@import "labd:theme";',
      ...sheets.map(([path]) => `@import ${JSON.stringify("app:" + path)};`),
    ].join("\n");
    const compiler = await compile(root, {
      base: "",
      async loadStylesheet(id, base) {
        const own = OWN[id];
        if (own !== undefined || id === "labd:theme") {
          // A sheet of the app may import Tailwind itself, as its documentation says: once is enough.
          const content = served.has(id) ? "" : own ?? theme;
          served.add(id);
          return { path: id, base: "", content };
        }
        if (id.startsWith("tailwindcss/")) return { path: id, base: "", content: "" };
        const path = id.startsWith("app:") ? id.slice(4) : join(base, id);
        const content = files.get(path);
        if (content === undefined) throw new Error(`The style sheet "${id}" does not exist.`);
        return { path, base: path.includes("/") ? path.slice(0, path.lastIndexOf("/")) : "", content };
      },
      async loadModule(id) {
        throw new Error(`Tailwind plugins and configuration files are not available here: "${id}". Use @theme and @utility in CSS.`);
      },
    });
    return (candidates) => compiler.build(candidates);
  },
};

function join(base, id) {
  const parts = base ? base.split("/") : [];
  for (const part of id.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "." && part !== "") parts.push(part);
  }
  return parts.join("/");
}
