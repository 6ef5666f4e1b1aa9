/**
 * A small labd in memory, for work on the console and its tests in a browser: `npm run dev`, or
 * `npm run build && npm run preview` for the built files with the policy that the daemon sends.
 * Sign in with `/#token=mock`. Requests that contain "fail" end in a draft.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Connect, Plugin } from "vite";
import { handle } from "./server.ts";

export function mockServer(): Plugin {
  const answer: Connect.NextHandleFunction = (request, response, next) => {
    const host = request.headers.host ?? "";
    if (host.includes(".preview.")) return previewPage(request, response);
    if (request.url?.startsWith("/api/v1/")) return void handle(request, response);
    next();
  };
  return {
    name: "labd-mock",
    configureServer: (server) => {
      server.middlewares.use(answer);
    },
    configurePreviewServer: (server) => {
      server.middlewares.use((_request, response, next) => {
        response.setHeader("Content-Security-Policy", POLICY);
        next();
      });
      server.middlewares.use(answer);
    },
  };
}

/** As the daemon sends it with the console's pages. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; " +
  "font-src 'self' data:; connect-src 'self'; manifest-src 'self'; worker-src 'self'; " +
  "frame-src http://*.preview.localhost:*; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

function previewPage(_request: IncomingMessage, response: ServerResponse): void {
  response.removeHeader("Content-Security-Policy");
  response.setHeader("Content-Type", "text/html; charset=utf-8");
  response.end(`<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content="width=device-width">
<title>Sales overview</title><style>:root{color-scheme:light dark;font:14px system-ui}body{margin:0;padding:24px}
.bars{display:flex;gap:6px;align-items:end;height:200px}.bars i{flex:1;background:#0f766e;border-radius:3px 3px 0 0}
table{width:100%;border-collapse:collapse;margin-top:24px}td,th{text-align:left;padding:6px;border-bottom:1px solid #8884}</style>
<h1>Sales overview</h1><div class=bars>${Array.from({ length: 24 }, (_, i) => `<i style="height:${35 + 30 * Math.sin(i / 3) + i}%"></i>`).join("")}</div>
<table><tr><th>Customer<th>Revenue</tr>${["Ada Lovelace", "Grace Hopper", "Edsger Dijkstra", "Barbara Liskov"].map((name, i) => `<tr><td>${name}<td>${12_000 - i * 1_300}.50`).join("")}</table>
<script>parent.postMessage({type:"labd:route",path:"/overview"},"*")</script>`);
}
