import { fileURLToPath } from "node:url";
import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";
import { answer } from "./export/server.mjs";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** Queries and server code answer in the development server too. */
const backend: Plugin = {
  name: "backend",
  configureServer(server) {
    server.middlewares.use(async (request, response, next) => {
      const routes = () => server.ssrLoadModule("/export/routes.ts").then((module) => module.routes);
      if (!(await answer(request, response, routes))) next();
    });
  },
};

export default defineConfig({
  plugins: [react(), tailwindcss(), backend],
  resolve: {
    alias: {
      "@labd/data": here("./vendor/labd-data/index.ts"),
      "@labd/ui": here("./vendor/labd-ui/index.ts"),
    },
    dedupe: ["react", "react-dom"],
  },
});
