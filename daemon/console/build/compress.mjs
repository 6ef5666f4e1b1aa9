// Puts a .br and a .gz next to each file that gets smaller by it. The server picks by
// Accept-Encoding and never compresses by itself.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const output = new URL("../../embedded/console/", import.meta.url).pathname;
const compressible = /\.(js|css|html|svg|json|webmanifest)$/;
const worthwhile = 0.95;

for (const entry of readdirSync(output, { recursive: true, withFileTypes: true })) {
  if (!entry.isFile() || !compressible.test(entry.name)) continue;
  const path = join(entry.parentPath ?? entry.path, entry.name);
  const content = readFileSync(path);
  const brotli = brotliCompressSync(content, {
    params: {
      [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT,
      [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
      [constants.BROTLI_PARAM_SIZE_HINT]: content.length,
    },
  });
  const gzip = gzipSync(content, { level: 9 });
  if (brotli.length < content.length * worthwhile) writeFileSync(`${path}.br`, brotli);
  if (gzip.length < content.length * worthwhile) writeFileSync(`${path}.gz`, gzip);
}
