// Faults of every kind are shown beside the preview, with their place, and go when they are mended.
// Each is made in the console's own editor.

import assert from "node:assert/strict";
import { eventually, scenario } from "./lab.mjs";

const APP = `import { useQuery } from "@labd/data";

export default function App() {
  const answer = useQuery("answer");
  return <main><h1>All is well</h1><p>{String(answer.data[0]?.n ?? "")}</p></main>;
}
`;
const FILES = {
  "queries/answer.sql": "-- The answer.\n-- @effect read\nSELECT 6 * 7 AS n\n",
  "src/App.tsx": APP,
  "src/main.tsx": `import { createRoot } from "react-dom/client";
import App from "./App";

createRoot(document.getElementById("root")!).render(<App />);
`,
  "app.json": '{ "name": "Faults" }\n',
};

scenario("problems", async (lab) => {
  const { page, app } = lab;
  await lab.enter();
  const project = await lab.newProject("Faults", "Sample shop (SQLite)");
  for (const [path, content] of Object.entries(FILES)) {
    await lab.api(`/projects/${project}/files/${path}`, { content, base: null }, "PUT");
  }
  const shown = () => app.locator("body").innerText().catch(() => "");
  const well = () => eventually("the app as it should be", shown, (text) => text.includes("All is well") && text.includes("42"));
  await well();

  const tab = page.getByRole("tab", { name: /^Problems/ });
  const panel = page.getByRole("tabpanel", { name: /^Problems/ });
  const write = async (path, content) => {
    await page.getByRole("tab", { name: "Files" }).click();
    const folders = path.split("/");
    await page.getByRole("navigation", { name: "Files" }).getByRole("button", { name: new RegExp(`^${folders.at(-1).replace(".", "\\.")}`) }).click();
    await page.getByLabel(path).waitFor();
    await eventually("the file in the editor", () => page.locator(".cm-content").innerText(), (text) => text.trim() !== "");
    await lab.type(content);
    const answer = page.waitForResponse((each) => each.request().method() === "PUT" && each.url().endsWith(`/files/${path}`));
    await page.keyboard.press("Control+S");
    const { snapshot } = await (await answer).json();
    return snapshot.draft ? "draft" : "saved";
  };
  const mended = async (path, content) => {
    assert.equal(await write(path, content), "saved");
    await page.getByRole("tab", { name: "Preview" }).click();
    await well();
    await eventually("no problem is left", () => lab.api(`/projects/${project}/problems`), []);
    await tab.filter({ hasText: /^Problems$/ }).waitFor();
  };

  // It does not compile: the last good state stays, the fault stands beside the editor.
  assert.equal(await write("src/App.tsx", APP.replace("</main>", "")), "draft");
  await page.getByText(/Saved as a draft/).waitFor();
  await page.getByRole("tabpanel", { name: "Files" }).getByText(/App\.tsx:\d+/).first().waitFor();
  await lab.look("compile");
  await page.getByRole("tab", { name: "Preview" }).click();
  await well();
  await mended("src/App.tsx", `${APP}\n`);

  // A query that the database refuses.
  assert.equal(await write("queries/answer.sql", "-- The answer.\n-- @effect read\nSELECT n FROM no_such_table\n"), "draft");
  await page.getByRole("tabpanel", { name: "Files" }).getByText(/no_such_table/).first().waitFor();
  await lab.look("query-refused");
  await mended("queries/answer.sql", FILES["queries/answer.sql"].replace("The answer", "The one answer"));

  // A query that fails only when it runs.
  lab.willFail(/\/_lab\/q\/answer/);
  assert.equal(await write("queries/answer.sql", "-- The answer.\n-- @effect read\nSELECT abs(-9223372036854775807 - 1) AS n\n"), "saved");
  await page.getByRole("tab", { name: "Preview" }).click();
  await tab.filter({ hasText: /\d/ }).click();
  await panel.getByText(/overflow/).first().waitFor();
  await lab.look("query-failed");
  await mended("queries/answer.sql", FILES["queries/answer.sql"]);

  // Server code that throws.
  lab.willFail(/\/api\/total/);
  await lab.api(`/projects/${project}/files/server/total.ts`, { content: "export async function GET() {\n  return Response.json({ n: 1 });\n}\n", base: null }, "PUT");
  assert.equal(await write("server/total.ts", 'export async function GET() {\n  throw new Error("the till is empty: 0 €");\n}\n'), "saved");
  assert.equal(await write("src/App.tsx", APP.replace("return <main>", 'return <main><button onClick={() => void fetch("/api/total")}>Total</button>')), "saved");
  await page.getByRole("tab", { name: "Preview" }).click();
  await app.getByRole("button", { name: "Total" }).click();
  await tab.filter({ hasText: /\d/ }).click();
  await panel.getByText("Error: the till is empty: 0 €", { exact: true }).waitFor();
  await panel.getByRole("button", { name: "server/total.ts:2" }).waitFor();
  await lab.look("server");
  await mended("server/total.ts", "export async function GET() {\n  return Response.json({ n: 2 });\n}\n");

  // An exception in the browser, with its place in the source.
  lab.willFail(/the abacus broke/);
  assert.equal(await write("src/App.tsx", APP.replace("  return <main>", '  const fail = () => {\n    throw new Error("the abacus broke");\n  };\n  return <main><button onClick={fail}>Break</button>')), "saved");
  await page.getByRole("tab", { name: "Preview" }).click();
  await app.getByRole("button", { name: "Break" }).click();
  await tab.filter({ hasText: /\d/ }).click();
  await panel.getByText(/the abacus broke/).first().waitFor();
  await panel.getByText(/src\/App\.tsx:6/).first().waitFor();
  await lab.look("browser");

  // The problem leads to its line, and a repair can be asked for.
  await panel.getByText(/src\/App\.tsx:6/).first().click();
  await eventually("the faulty line", () => page.locator(".cm-activeLine").first().innerText(), (line) => line.includes("the abacus broke"));
  await tab.click();
  await panel.getByRole("button", { name: "Ask for a repair" }).click();
  await eventually("the request for a repair", () => page.getByLabel("Your request").inputValue(), (text) => text.includes("the abacus broke (src/App.tsx:6)"));
  await mended("src/App.tsx", APP);
});
