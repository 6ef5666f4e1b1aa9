// The README's first minutes: a project on the sample shop, an app from one sentence, a page from
// another, and all that can be done with a project.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { cells, eventually, scenario } from "./lab.mjs";

scenario("main-job", async (lab) => {
  const { page, app } = lab;
  await lab.enter();
  assert.ok(!page.url().includes("sign-in"), "the link's secret has left the address bar");
  await lab.look("projects-empty");

  const project = await lab.newProject("Sales", "Sample shop (SQLite)");
  await page.getByText("What would you like to see?").waitFor();
  await lab.look("project-empty");
  const first = await lab.ask("show revenue by month and the top ten customers");
  await first.getByText("Queries run on the database").waitFor();

  // The chart has a mark for every month, the table the rows that the database gives.
  await eventually("the months of the chart", () => app.locator(".recharts-bar-rectangle, .recharts-area-dots, .recharts-area-curve").count(), (count) => count > 0);
  const table = app.getByRole("table");
  await table.getByRole("row").nth(1).waitFor();
  const rows = await eventually("ten customers", () => cells(table), (rows) => rows.length === 10);
  const expected = await answerOf(lab, project, "top");
  const digits = (text) => text.replace(/[^\d]/g, "");
  assert.deepEqual(
    rows.map((row) => row[0]),
    expected.rows.map((row) => String(row[0])),
  );
  const money = rows[0].findIndex((text) => /[€$]|\d[.,]\d\d$/.test(text));
  assert.ok(money > 0, `a column of money in ${rows[0]}`);
  for (const [index, row] of rows.entries()) {
    const exact = expected.rows[index].some((value) => digits(String(value)).startsWith(digits(row[money]).replace(/0+$/, "")));
    assert.ok(exact, `${row[money]} is among ${expected.rows[index]}`);
  }
  await lab.look("app");

  // Sort by a column, there and back, and search.
  const header = table.getByRole("columnheader").first().getByRole("button");
  const names = async () => (await cells(table)).map((row) => row[0]);
  const sorted = [...rows.map((row) => row[0])].sort((a, b) => a.localeCompare(b, undefined, { numeric: true, sensitivity: "base" }));
  await header.click();
  await eventually("sorted by name", names, sorted);
  await header.click();
  await eventually("sorted the other way", names, [...sorted].reverse());
  await app.getByRole("searchbox").fill(sorted[3]);
  await eventually("the one that was searched for", names, [sorted[3]]);

  // A second sentence adds a page; the first stays.
  const second = await lab.ask("add a page for low stock");
  await second.getByText("Queries run on the database").waitFor();
  const entry = app.getByRole("navigation", { name: "Pages" }).getByRole("link", { name: "Low stock" });
  await entry.click();
  await app.getByRole("heading", { name: "Low stock" }).first().waitFor();
  await app.getByRole("table").getByRole("row").nth(1).waitFor();
  await lab.look("second-page");

  await slowed(lab);

  // Back to the first state, and forward again.
  await page.getByRole("tab", { name: "History" }).click();
  const states = page.getByRole("list", { name: "States, the latest first" }).getByRole("listitem");
  await lab.look("history");
  await states.getByText("Now", { exact: true }).waitFor();
  await page.getByRole("button", { name: "Go back" }).last().click();
  await page.getByRole("tab", { name: "Preview" }).click();
  await entry.waitFor({ state: "detached" });
  await app.getByRole("table").waitFor();
  await page.getByRole("tab", { name: "History" }).click();
  await page.getByRole("button", { name: "Go forward" }).first().click();
  await page.getByRole("tab", { name: "Preview" }).click();
  await entry.waitFor();

  // Rename, export, delete.
  const menu = async (item) => {
    await page.getByRole("button", { name: "More about this project" }).click();
    await page.getByRole("menuitem", { name: item }).click();
  };
  await menu("Rename or change source");
  await page.getByRole("dialog").getByLabel("Name").fill("Sales of the shop");
  await page.getByRole("dialog").getByRole("button", { name: "Save" }).click();
  await page.getByRole("heading", { name: "Sales of the shop" }).waitFor();
  const download = page.waitForEvent("download");
  await menu("Export as zip");
  const zip = await download;
  assert.match(zip.suggestedFilename(), /\.zip$/);
  const bytes = readFileSync(await zip.path());
  assert.equal(bytes.subarray(0, 4).toString("latin1"), "PK\u0003\u0004");
  assert.ok(bytes.includes("src/App.tsx"), "the zip names the app's files");
  // The page may be told that the project changed, and ask for it, before it is told that it is gone.
  lab.willFail(new RegExp(`404 .*/projects/${project}`));
  await menu("Delete");
  await page.getByRole("alertdialog").getByRole("button", { name: "Delete project" }).click();
  await page.getByText("Build your first app").waitFor();
  assert.deepEqual(await lab.api("/projects"), []);
});

/** What the database gives for the app's query whose name begins so. */
async function answerOf(lab, project, name) {
  const files = await lab.api(`/projects/${project}/files`);
  const { path } = files.find((file) => file.path.startsWith(`queries/${name}`));
  const { content } = await lab.api(`/projects/${project}/files/${path}`);
  const { source } = await lab.api(`/projects/${project}`);
  return lab.api(`/sources/${source}/query`, { text: content });
}

/** A provider that takes its time, and a request that is stopped in the middle. */
async function slowed(lab) {
  const { page } = lab;
  const project = page.url();
  await lab.visit("Settings");
  await page.getByRole("button", { name: "Add a provider" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Plugin").selectOption("labd.offline");
  await dialog.getByLabel("Name").fill("Slow");
  await dialog.getByLabel(/Pause between/).fill("400");
  await lab.look("provider");
  await dialog.getByRole("button", { name: "Save" }).click();
  await dialog.waitFor({ state: "detached" });
  await lab.look("providers");
  await page.goto(project);
  await page.getByRole("button", { name: /Answered by/ }).click();
  await dialog.getByLabel("Provider").selectOption({ label: "Slow (templates, no AI)" });
  await dialog.getByRole("button", { name: "Save" }).click();
  await dialog.waitFor({ state: "detached" });
  const card = await lab.ask("add a page with all products");
  await card.getByText(/App\.tsx/).first().waitFor();
  await lab.look("building");
  await page.getByRole("button", { name: "Stop" }).click();
  await card.getByText("You stopped this.").waitFor();
  // It can be asked again at once, and what was there is still shown.
  await page.getByRole("button", { name: "Send" }).waitFor();
  await lab.app.getByRole("link", { name: "Low stock" }).first().waitFor();
}
