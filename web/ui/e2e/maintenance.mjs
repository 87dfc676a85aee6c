// A dispatcher announces maintenance of a device, sees it on the device, and ends it.
//
// usage: node e2e/maintenance.mjs --url URL --shots DIR --device DEVICE --do announce|end
// environment: PRESAGE_DISPATCHER as name:password, CHROMIUM (default /usr/bin/chromium)
import path from "node:path";
import { parseArgs } from "node:util";
import { launch, signIn, step } from "./browser.mjs";

const { values: options } = parseArgs({ options: { url: { type: "string" }, shots: { type: "string" }, device: { type: "string" }, do: { type: "string" } } });
const [name, password] = process.env.PRESAGE_DISPATCHER.split(":");

async function main() {
  const browser = await launch();
  try {
    const page = await browser.newPage(options.url);
    await step("the dispatcher signs in", () => signIn(page, { name, password }, "/maintenance"));
    const posted = () => page.waitForResponse((r) => r.request().method() === "POST" && r.ok(), { timeout: 10_000 });
    if (options.do === "end") {
      await step("the window is ended", async () => {
        const ended = posted();
        await page.getByTestId("end-maintenance").click();
        await ended;
        await page.getByText("Ended early").waitFor({ timeout: 10_000 });
      });
      return;
    }
    await step("there is none yet", () => page.getByText("No maintenance here").waitFor({ timeout: 15_000 }));
    await step("it is announced", async () => {
      await page.getByTestId("announce").click();
      await page.getByLabel("Name").fill("Pump exchange");
      await page.getByLabel("Device", { exact: true }).fill(options.device);
      await page.screenshot({ path: path.join(options.shots, "maintenance-form.png") });
      // It began already.
      const end = await page.getByLabel("End").inputValue();
      const begin = new Date(Date.parse(`${end}Z`) - 3 * 3_600_000).toISOString().slice(0, 16);
      await page.getByLabel("Start").fill(begin);
      const announced = posted();
      await page.locator('[role="dialog"] button[type="submit"]').click();
      await announced;
      await page.getByText("Pump exchange").waitFor({ timeout: 10_000 });
    });
    await page.screenshot({ path: path.join(options.shots, "maintenance.png") });
    await page.setViewportSize({ width: 360, height: 780 });
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    await page.screenshot({ path: path.join(options.shots, "maintenance-phone.png") });
    if (wide > 360) throw new Error(`on a phone the page is ${wide} px wide`);
    await step("the device shows it", async () => {
      await page.goto(`/devices/${options.device}`);
      await page.getByTestId("in-maintenance").waitFor({ timeout: 15_000 });
    });
  } finally {
    await browser.close();
  }
  console.log("ok");
}

main().catch((error) => {
  console.error(`e2e: ${error.message.split("\n")[0]}`);
  process.exitCode = 1;
});
