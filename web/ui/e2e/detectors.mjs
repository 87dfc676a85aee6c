// A planner looks at a rule that dropped to shadow, at the tickets behind its figures, and puts it back.
//
// usage: node e2e/detectors.mjs --url URL --shots DIR --rule RULE
// environment: PRESAGE_PLANNER as name:password, CHROMIUM (default /usr/bin/chromium)
import path from "node:path";
import { parseArgs } from "node:util";
import { launch, signIn, step } from "./browser.mjs";

const { values: options } = parseArgs({ options: { url: { type: "string" }, shots: { type: "string" }, rule: { type: "string" } } });
const [name, password] = process.env.PRESAGE_PLANNER.split(":");

async function main() {
  const browser = await launch();
  try {
    const page = await browser.newPage(options.url);
    await step("the planner signs in", () => signIn(page, { name, password }, "/detectors"));
    const row = page.locator(`[data-testid="record-${options.rule}"]`);
    await step("the rule says that it dropped", () => row.getByText("Dropped by itself").waitFor({ timeout: 15_000 }));
    await step("the tickets behind the figure are linked", async () => {
      await row.locator("button[aria-expanded]").click();
      await page.locator('a[href^="/tickets/"]:has-text("T-")').first().waitFor({ timeout: 10_000 });
    });
    await step("the failure that nobody warned of stands in the figures of the model", async () => {
      const recall = page.locator('[data-testid="model-"] [data-label="Recall"]');
      await recall.getByText("of 1 failures").waitFor({ timeout: 10_000 });
    });
    await step("the rules without a ticket are listed with their stages", async () => {
      await page.locator('[data-testid="other-rules"] summary').click();
      await page.locator('[data-testid="other-rules"] tbody tr').first().waitFor({ timeout: 10_000 });
    });
    await step("the dropped rule is counted beside the page's name", () => page.getByTestId("dropped").first().waitFor({ timeout: 10_000 }));
    for (const scheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme: scheme });
      await page.screenshot({ path: path.join(options.shots, `detectors-${scheme}.png`) });
    }
    await page.setViewportSize({ width: 360, height: 780 });
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    await page.screenshot({ path: path.join(options.shots, "detectors-phone.png") });
    if (wide > 360) throw new Error(`on a phone the page is ${wide} px wide`);
    await page.setViewportSize({ width: 1440, height: 900 });
    await step("the planner puts it back", async () => {
      await row.locator("input").first().click();
      const changed = page.waitForResponse((r) => r.request().method() === "PUT" && r.ok(), { timeout: 10_000 });
      await page.getByRole("option", { name: "As catalogued" }).click();
      await page.getByTestId("stage-reason").fill("the sensor was cleaned");
      await page.getByTestId("stage-save").click();
      await changed;
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
