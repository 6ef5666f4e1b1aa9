import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";
import { mockServer } from "./mock/plugin.ts";

export default defineConfig({
  plugins: [react(), tailwindcss(), mockServer()],
  build: {
    // `cargo xtask console` embeds what lies here.
    outDir: fileURLToPath(new URL("../embedded/console", import.meta.url)),
    emptyOutDir: true,
    assetsDir: "assets",
    // The policy of the page allows no data: scripts, and fonts are better cached as files.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: "es2022",
    // CodeMirror with its languages, loaded only when an editor is opened.
    chunkSizeWarningLimit: 700,
  },
  worker: { format: "es" },
});
