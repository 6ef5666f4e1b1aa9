// Opens addresses one after the other in a headless Chromium; the last one stays open. Prints a
// line of JSON when a heading is on the screen, and another one when a chart and rows of a table
// are there too: {"title": "Overview 3", "withData": false, "at": <ms since the epoch>}.
// Ends with its standard input.
import { launch } from "./lab.mjs";

const browser = await launch();
process.stdin.on("close", () => browser.close()).resume();
const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
await page.exposeFunction("tellPainted", (line) => console.log(JSON.stringify(line)));

// In every frame. A change becomes a paint with the next frame; a task after it runs when that
// frame has been handed on.
await page.addInitScript(() => {
  const told = new Set();
  const visible = (element) => element && element.getClientRects().length > 0;
  const look = () => {
    const heading = document.querySelector("h1");
    if (!visible(heading)) return;
    const title = heading.textContent;
    const rows = [...document.querySelectorAll("tbody td")].some((cell) => visible(cell) && cell.textContent.trim() !== "");
    const chart = [...document.querySelectorAll("svg.recharts-surface path")].some(visible);
    for (const withData of rows && chart ? [false, true] : [false]) {
      const key = `${title} ${withData}`;
      if (told.has(key)) continue;
      told.add(key);
      requestAnimationFrame(() => setTimeout(() => tellPainted({ title, withData, at: Date.now() }), 0));
    }
  };
  new MutationObserver(look).observe(document, { subtree: true, childList: true, characterData: true, attributes: true });
});

for (const address of process.argv.slice(2)) {
  await page.goto(address);
  // A link that signs in does so in the background, and then shows the projects.
  if (address.includes("#sign-in=")) await page.getByRole("heading", { name: "Projects", level: 1 }).waitFor();
}
