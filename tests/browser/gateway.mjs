// The gateway at the console: what was used is seen, a key is added, and a route is configured by a
// person, with a mistake on the way.

import assert from "node:assert/strict";
import { eventually, scenario } from "./lab.mjs";

scenario("gateway", async (lab) => {
  const { page } = lab;
  const { provider, model } = lab.input;
  await lab.enter();
  await page.getByRole("link", { name: "Settings" }).first().click();

  await page.getByRole("button", { name: `More about ${provider}` }).click();
  await page.getByRole("menuitem", { name: "Keys" }).click();
  const keys = page.getByRole("dialog");
  await keys.getByText("api-key", { exact: true }).waitFor();
  await keys.getByLabel("Name of another key").fill("team-b");
  await keys.getByLabel("API key", { exact: true }).fill("sk-of-team-b");
  await lab.look("keys");
  await keys.getByRole("button", { name: "Add the key" }).click();
  await keys.waitFor({ state: "detached" });
  const held = async () => {
    const all = await lab.api("/providers");
    return all.find((one) => one.name === provider).credentials.map((one) => one.name).join(" ");
  };
  await eventually("the key is there", held, "api-key team-b");

  await page.getByRole("tab", { name: "AI gateway" }).click();
  await page.getByRole("heading", { name: "Keys" }).waitFor();
  await page.getByRole("cell", { name: "team-b", exact: true }).waitFor();
  // What the test asked for before.
  await page.getByRole("cell", { name: model, exact: true }).waitFor();
  await page.getByText("None: each provider is asked by itself.").waitFor();
  await lab.look("status");

  await page.getByRole("button", { name: "Change the configuration" }).click();
  const dialog = page.getByRole("dialog");
  const text = dialog.getByLabel("Configuration (JSON)");
  const config = JSON.parse(await text.inputValue());
  const id = (await lab.api("/providers")).find((one) => one.name === provider).id;
  const target = { provider: id, model, key: "nobody" };
  config.routes = [{ name: "fast", tiers: [[target]] }];
  await text.fill(JSON.stringify(config));
  lab.willFail(/gateway\/config/);
  await dialog.getByRole("button", { name: "Save" }).click();
  await dialog.getByText("has no key named nobody").waitFor();
  await text.fill("{");
  await dialog.getByRole("button", { name: "Save" }).click();
  await dialog.getByText("This is no JSON").waitFor();
  target.key = "team-b";
  await text.fill(JSON.stringify(config));
  await dialog.getByRole("button", { name: "Save" }).click();
  await dialog.waitFor({ state: "detached" });
  await page.getByText(`${provider}/${model} (team-b)`).waitFor();
  await lab.look("routes");
  const saved = await lab.api("/gateway/config");
  assert.equal(saved.routes[0].name, "fast");
});
