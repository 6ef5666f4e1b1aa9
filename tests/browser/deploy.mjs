// An app leaves labd: plan, yes, download; another state, and back to the first.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { eventually, scenario } from "./lab.mjs";

scenario("deploy", async (lab) => {
  const { page } = lab;
  await lab.enter();
  const project = await lab.newProject("Sales", "Sample shop (SQLite)");
  const built = async (text) => {
    const state = () => lab.api(`/projects/${project}`);
    const { head } = await state();
    await lab.ask(text);
    await eventually(`the end of: ${text}`, state, (now) => now.running_turn === null && now.head !== head);
  };
  await built("show revenue by month and the top ten customers");
  const list = page.getByRole("list", { name: "Deployments, the latest first" }).getByRole("listitem");

  await page.getByRole("tab", { name: "Deploy" }).click();
  const deploy = async () => {
    await page.getByRole("button", { name: "Deploy…" }).click();
    await page.getByRole("list", { name: "What will be done" }).getByText(/^Pack \d+ files/).waitFor();
    await lab.look("plan");
    await page.getByRole("button", { name: "Yes, deploy this" }).click();
  };
  await deploy();
  await list.first().getByText("Live", { exact: true }).waitFor();
  await lab.look("deployed");
  const download = page.waitForEvent("download");
  await list.first().getByRole("link", { name: /^Download sales\.zip/ }).click();
  const zip = await download;
  assert.equal(zip.suggestedFilename(), "sales.zip");
  const bytes = readFileSync(await zip.path());
  assert.ok(bytes.includes("sales/README.md"), "the archive names the app's files");

  // A no leaves everything as it is.
  await page.getByRole("button", { name: "Deploy…" }).click();
  await page.getByRole("button", { name: "Cancel" }).click();
  assert.equal((await lab.api(`/projects/${project}/deployments`)).length, 1);

  await page.getByRole("tab", { name: "Preview" }).click();
  await built("add a page for low stock");
  await page.getByRole("tab", { name: "Deploy" }).click();
  await deploy();
  await list.nth(1).waitFor();
  await list.first().getByText("Live", { exact: true }).waitFor();
  await list.nth(1).getByRole("button", { name: "Go back to it" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Go back" }).click();
  await list.nth(2).getByText("Live", { exact: true }).waitFor();
  await list.first().getByText("Went back at Zip archive").waitFor();
  await lab.look("back");
});
