// PostgreSQL by URL: wrong and right, its schema, and every value as the database has it, in the
// console's query view and in an app.
//
// Input: `url`, `wrong` (the same with another password), `sql` (a query of one row), and
// `expected`, by column what is to be read in the browser.

import assert from "node:assert/strict";
import { cells, eventually, scenario } from "./lab.mjs";

scenario("sources", async (lab) => {
  const { page, app, input } = lab;
  await lab.enter();
  await lab.visit("Sources");
  await lab.look("sources");
  await page.getByRole("button", { name: "Connect a source" }).click();
  await page.getByLabel("Name").fill("Warehouse");

  // A wrong password has its own message, and nothing is saved by it.
  lab.willFail(/api\/v1\/sources/);
  await page.getByLabel("Connection URL").fill(input.wrong);
  await page.getByRole("button", { name: "Test and save" }).click();
  await page.getByRole("alert").getByText(/password/i).first().waitFor();
  await lab.look("wrong-password");
  assert.deepEqual(await lab.api("/sources").then((all) => all.map((each) => each.name)), ["Sample shop"]);

  await page.getByLabel("Connection URL").fill(input.url);
  await page.getByRole("button", { name: "Only test" }).click();
  await page.getByText(/Connected to PostgreSQL/).waitFor();
  await page.getByRole("button", { name: "Test and save" }).click();
  await page.getByRole("heading", { name: "Warehouse" }).waitFor();
  const source = new URL(page.url()).pathname.split("/").at(-1);

  // The schema.
  await page.getByRole("list", { name: "Tables and views" }).getByRole("button", { name: /shelves/ }).click();
  for (const text of ["shelf_id", "bigint", "Where goods lie."]) await page.getByText(text).first().waitFor();
  await page.getByRole("button", { name: /^Show the first/ }).click();
  await page.getByRole("region", { name: "Rows" }).getByText("Bay 7").waitFor();
  await lab.look("schema");
  await page.getByRole("button", { name: "Test", exact: true }).click();
  await page.getByText(/Connected to PostgreSQL/).waitFor();

  // The query view.
  await page.getByRole("tab", { name: "Query" }).click();
  await lab.type(input.sql);
  await page.getByRole("button", { name: "Run" }).click();
  const region = page.getByRole("region", { name: "Rows" });
  await region.waitFor();
  const names = await region.locator("thead th").evaluateAll((heads) => heads.map((head) => head.firstChild.textContent));
  const [row] = await cells(region);
  assert.deepEqual(Object.fromEntries(names.map((name, index) => [name, row[index]])), input.expected);
  await lab.look("query");
  await lab.type("SELECT no_such_column");
  // What is read again meanwhile takes nothing from whoever types.
  const schema = page.waitForResponse((response) => new URL(response.url()).pathname.endsWith("/schema"));
  await page.evaluate(() => window.dispatchEvent(new Event("online")));
  await (await schema).finished();
  await page.evaluate(() => new Promise((done) => setTimeout(done, 100)));
  await page.keyboard.insertText(" FROM shelves");
  assert.equal(await page.locator(".cm-content").first().innerText(), "SELECT no_such_column FROM shelves");
  await page.getByRole("button", { name: "Run" }).click();
  await page.getByRole("alert").getByText(/no_such_column/).first().waitFor();
  await page.getByText("line 1, column 8").waitFor();
  await lab.type("DELETE FROM shelves");
  await page.getByRole("button", { name: "Run" }).click();
  await page.getByRole("alert").getByText(/only reads|read/i).first().waitFor();
  await lab.look("refused");

  // The same row in an app.
  await page.getByRole("button", { name: "New project on it" }).click();
  await page.getByRole("dialog").getByLabel("Name").fill("Exact");
  await page.getByRole("dialog").getByRole("button", { name: "Create" }).click();
  await page.waitForURL("**/projects/*");
  const project = new URL(page.url()).pathname.split("/").at(-1);
  const files = {
    "queries/all_kinds.sql": `-- One of each.\n-- @effect read\n${input.sql}\n`,
    "src/App.tsx": `import { useQuery } from "@labd/data";

export default function App() {
  const { data: [row] } = useQuery("all_kinds");
  const text = (value: unknown) => (value === null ? "null" : typeof value === "string" ? value : JSON.stringify(value));
  return <dl>{Object.entries(row ?? {}).map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{text(value)}</dd></div>)}</dl>;
}
`,
    "src/main.tsx": `import { createRoot } from "react-dom/client";
import App from "./App";

createRoot(document.getElementById("root")!).render(<App />);
`,
    "app.json": '{ "name": "Exact" }\n',
  };
  for (const [path, content] of Object.entries(files)) {
    await lab.api(`/projects/${project}/files/${path}`, { content, base: null }, "PUT");
  }
  await eventually(
    "every value in the app",
    () =>
      app
        .locator("dl > div")
        .evaluateAll((pairs) => Object.fromEntries(pairs.map((pair) => [...pair.children].map((child) => child.textContent)))),
    input.expected,
  );
  await lab.look("app");

  // Removing says what it means for the project, and the project stays.
  await page.goto(`${lab.origin}/sources/${source}?tab=settings`);
  await lab.look("settings");
  await page.getByRole("button", { name: "Remove this source" }).click();
  const dialog = page.getByRole("alertdialog");
  await dialog.getByText("1 project uses it.").waitFor();
  await dialog.getByText("Exact", { exact: true }).waitFor();
  await lab.look("remove");
  await dialog.getByRole("button", { name: "Remove source" }).click();
  await page.getByText("Warehouse is removed.").waitFor();
  assert.equal((await lab.api(`/projects/${project}`)).source, null);
});
