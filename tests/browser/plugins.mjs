// What a plugin asks for is allowed in the console by a person, who also takes it back, disables,
// enables and reloads it, and reads what happened.

import assert from "node:assert/strict";
import { eventually, scenario } from "./lab.mjs";

scenario("plugins", async (lab) => {
  const { page } = lab;
  const { id, asks } = lab.input;
  await lab.enter();
  await page.getByRole("link", { name: "Plugins" }).first().click();
  await page.getByText("Waits for a grant").waitFor();
  await lab.look("list");
  await page.getByRole("link", { name: lab.input.name, exact: true }).click();
  await page.getByText("It cannot be called until it is allowed").waitFor();
  await page.getByText(asks, { exact: true }).first().waitFor();
  const state = async () => (await lab.api(`/plugins/${id}`)).state.type;
  const decide = async (decision) => {
    await page.getByRole("button", { name: decision, exact: true }).click();
    const dialog = page.getByRole("alertdialog");
    await dialog.getByRole("button", { name: decision, exact: true }).click();
    await dialog.waitFor({ state: "detached" });
  };

  // Nothing happens before the person has said yes.
  await page.getByRole("button", { name: "Allow", exact: true }).click();
  await page.getByRole("alertdialog").getByText(asks, { exact: true }).waitFor();
  await lab.look("asks");
  await page.getByRole("alertdialog").getByRole("button", { name: "Cancel" }).click();
  assert.equal(await state(), "awaiting-grant");

  await decide("Allow");
  await eventually("it is allowed", state, "ready");
  await page.getByText("Ready", { exact: true }).waitFor();

  await decide("Disable");
  await page.getByText("Disabled", { exact: true }).waitFor();
  assert.equal(await state(), "disabled");
  await decide("Enable");
  await page.getByText("Ready", { exact: true }).waitFor();
  await decide("Reload");
  const log = page.getByRole("list", { name: "Log" });
  await log.getByText("its permissions are granted").waitFor();
  await log.getByText("it is disabled").waitFor();
  await log.getByText("it is enabled").waitFor();
  await log.getByText(/serves from now on/).waitFor();
  await lab.look("log");

  await decide("Take back permissions");
  await page.getByText("It cannot be called until it is allowed").waitFor();
  assert.equal(await state(), "awaiting-grant");
});
