// The Tailwind compiler as QuickJS runs it, inside the sandbox. `globalThis.__tailwind` is all
// that the guest calls; it holds one compiler per call of `open`.
import { compile } from "tailwindcss";
import defaults from "tailwindcss/theme.css";
import utilities from "tailwindcss/utilities.css";
import theme from "../ui/theme.css";

// Preflight, the values of our theme and the rules of @labd/ui are in `base.css`, which is built
// once and stands before the app's own sheet: an app's classes win over those of @labd/ui.
const ROOT = `
@layer theme, base, components, utilities;
@import "labd:defaults" layer(theme);
@import "labd:theme" reference;
@import "labd:utilities" layer(utilities);
`;
const OWN = { "labd:defaults": defaults, "labd:theme": theme, "labd:utilities": utilities };

globalThis.__tailwind = {
  /**
   * A compiler for these style sheets: a list of [path, text], in the order of their import.
   * Gives a function from class candidates (added to those of before) to CSS.
   */
  async open(sheets) {
    const files = new Map(sheets);
    const root = ROOT + sheets.map(([path]) => `@import ${JSON.stringify("app:" + path)};`).join("\n");
    const compiler = await compile(root, {
      base: "",
      async loadStylesheet(id, base) {
        if (OWN[id] !== undefined) return { path: id, base: "", content: OWN[id] };
        // A sheet of the app may import Tailwind itself, as its documentation says: it is there.
        if (id === "tailwindcss" || id.startsWith("tailwindcss/")) return { path: id, base: "", content: "" };
        const path = id.startsWith("app:") ? id.slice(4) : join(base, id);
        const content = files.get(path);
        if (content === undefined) throw new Error(`The style sheet \`${id}\` does not exist.`);
        return { path, base: path.includes("/") ? path.slice(0, path.lastIndexOf("/")) : "", content };
      },
      async loadModule(id) {
        throw new Error(`Tailwind plugins and configuration files are not available here: \`${id}\`. Use @theme and @utility in CSS.`);
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
