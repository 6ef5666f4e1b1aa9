// node build.mjs            makes dist/, a finished package
// node build.mjs --prepare  only fetches what the sources import, for tests
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

// The SDK and the contracts lie in .labd/. Inside labd's own repository they are copied there from
// their place; anywhere else they are there already.
const repository = here('../../../');
if (existsSync(`${repository}plugin-sdk/js`) && existsSync(`${repository}wit`)) {
  const copies = [
    ['plugin-sdk/js/src', '.labd/sdk/src'],
    ['plugin-sdk/js/package.json', '.labd/sdk/package.json'],
    ['wit', '.labd/wit'],
  ];
  await rm(here('.labd'), { recursive: true, force: true });
  for (const [from, to] of copies) await cp(repository + from, here(to), { recursive: true });
}
if (process.argv.includes('--prepare')) process.exit();

// The component's world, with the contracts that it names beside it.
await rm(here('build'), { recursive: true, force: true });
await cp(here('wit'), here('build/wit'), { recursive: true });
await cp(here('.labd/wit'), here('build/wit/deps'), { recursive: true });

const { componentize } = await import('componentize-qjs');
const { component } = await componentize({
  witPath: here('build/wit'),
  jsPath: here('src/plugin.js'),
  jsSource: await readFile(here('src/plugin.js'), 'utf8'),
  moduleRoot: here('.'),
  // The contracts have no asynchronous functions.
  sync: true,
});
await mkdir(here('dist'), { recursive: true });
await writeFile(here('dist/plugin.wasm'), component);
await cp(here('plugin.toml'), here('dist/plugin.toml'));
console.log(`dist/plugin.wasm  ${(component.length / 1024 / 1024).toFixed(2)} MiB`);
