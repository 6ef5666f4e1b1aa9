// Without a mouse, on a narrow screen, and in the dark.

import assert from "node:assert/strict";
import { eventually, scenario } from "./lab.mjs";

/** Presses Tab until what has the focus is called so. */
async function tabTo(page, name) {
  for (let presses = 0; presses < 60; presses++) {
    const label = await page.evaluate(() => {
      const at = document.activeElement;
      if (!at || at === document.body) return "";
      return at.getAttribute("aria-label") ?? (at.labels?.[0] ?? at).textContent.trim();
    });
    if (name.test(label)) return;
    await page.keyboard.press("Tab");
  }
  throw new Error(`Tab does not reach ${name}`);
}

/** The page does not scroll sideways, and nothing of it is cut off there. */
async function fits(page, what) {
  const { inner, outer } = await page.evaluate(() => ({
    inner: document.scrollingElement.scrollWidth,
    outer: document.documentElement.clientWidth,
  }));
  assert.ok(inner <= outer, `${what} is ${inner} pixels wide on a screen of ${outer}`);
}

/** Whether an element's background is dark, whatever it is written in. */
function isDark(element) {
  const pen = new OffscreenCanvas(1, 1).getContext("2d");
  pen.fillStyle = getComputedStyle(element).backgroundColor;
  pen.fillRect(0, 0, 1, 1);
  const [red, green, blue, alpha] = pen.getImageData(0, 0, 1, 1).data;
  return alpha === 255 && red + green + blue < 180;
}

scenario(
  "hands",
  async (lab) => {
    const { page, app } = lab;
    // The link is pasted and sent with the keyboard.
    lab.willFail(/\/api\/v1\/session/);
    await page.goto(lab.origin);
    await page.getByRole("heading", { name: "Sign in with a link" }).waitFor();
    await lab.look("sign-in");
    await tabTo(page, /^Or paste the link here$/);
    await page.keyboard.insertText(lab.signIn);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Projects", level: 1 }).waitFor();

    await tabTo(page, /^New project$/);
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").waitFor();
    // The first field has the focus, and Enter creates.
    await page.keyboard.type("By hand");
    await page.keyboard.press("Enter");
    await page.waitForURL("**/projects/*");
    await page.getByText("What would you like to see?").waitFor();
    await tabTo(page, /^Your request$/);
    await page.keyboard.type("show revenue by month");
    await page.keyboard.press("Enter");
    await page.getByText("Queries run on the database").waitFor();
    await app.locator(".recharts-surface").first().waitFor();
    await lab.look("keyboard");

    // Everything has a visible focus: the focused element is outlined.
    await tabTo(page, /^Preview$/);
    const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
    assert.equal(outline, "solid");
    const project = page.url();

    // A phone.
    await page.setViewportSize({ width: 390, height: 844 });
    for (const tab of ["Chat", "Preview", "Files", "Problems", "History"]) {
      await page.getByRole("tab", { name: tab }).click();
      await fits(page, tab);
      await lab.look(`phone-${tab.toLowerCase()}`);
    }
    await page.goto(project);
    for (const [address, heading] of [
      ["/", "Projects"],
      ["/sources", "Data sources"],
      ["/sources/new", "Connect a source"],
      ["/plugins", "Plugins"],
      ["/settings/providers", "Settings"],
      ["/settings/tokens", "Settings"],
      ["/settings/appearance", "Settings"],
      ["/settings/about", "Settings"],
    ]) {
      await page.goto(lab.origin + address);
      await page.getByRole("heading", { name: heading, level: 1 }).waitFor();
      await fits(page, address);
      await lab.look(`phone${address.replaceAll("/", "-")}`);
    }

    // In the dark: the console by its own choice, and the app in it with it.
    await page.setViewportSize({ width: 1360, height: 850 });
    await page.goto(`${lab.origin}/settings/appearance`);
    await page.getByText("Dark", { exact: true }).click();
    const dark = () => page.locator("body").evaluate(isDark);
    await eventually("a dark console", dark, true);
    await lab.look("dark-settings");
    await page.goto(project);
    await app.locator(".recharts-surface").first().waitFor();
    assert.equal(await dark(), true);
    await eventually("a dark app", () => app.locator("#root > *").first().evaluate(isDark), true);
    await lab.look("dark");
  },
  // As the browser does it by itself: a frame follows the page that it is in.
  { colorScheme: null },
);
