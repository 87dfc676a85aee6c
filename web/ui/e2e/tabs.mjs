// Checks, against a running server, that the tabs of one browser share one live stream, and that
// another tab takes it over when the one that holds it closes.
//
// usage: node e2e/tabs.mjs --url URL
// environment: PRESAGE_VIEWER as name:password, CHROMIUM (default /usr/bin/chromium)
import { parseArgs } from "node:util";
import { launch, signIn, step } from "./browser.mjs";

const { values: options } = parseArgs({ options: { url: { type: "string" } } });
const live = '[data-testid="live"][data-status="live"]';

async function main() {
  const [name, password] = (process.env.PRESAGE_VIEWER ?? "").split(/:(.*)/s);
  if (!options.url || !name || !password) throw new Error("give --url, and set PRESAGE_VIEWER to name:password");
  const browser = await launch();
  try {
    const first = await browser.newPage(options.url);
    const context = first.context();
    const holders = [];
    context.on("request", (request) => {
      if (request.url().endsWith("/api/v1/stream")) holders.push(request.frame().page());
    });
    await step("the first tab is live", async () => {
      await signIn(first, { name, password }, "/about");
      await first.waitForSelector(live, { state: "attached", timeout: 15_000 });
    });
    const others = [await context.newPage(), await context.newPage()];
    await step("two more tabs are live", async () => {
      for (const page of others) {
        await page.goto("/about");
        await page.waitForSelector(live, { state: "attached", timeout: 15_000 });
      }
    });
    if (holders.length !== 1) throw new Error(`three tabs opened ${holders.length} streams; one is expected`);
    await step("another tab takes over when the first closes", async () => {
      const taken = context.waitForEvent("request", { predicate: (r) => r.url().endsWith("/api/v1/stream"), timeout: 15_000 });
      await first.close();
      await taken;
      for (const page of others) await page.waitForSelector(live, { state: "attached", timeout: 15_000 });
    });
    if (holders.length !== 2) throw new Error(`after the hand-over there were ${holders.length} streams in all; two are expected`);
  } finally {
    await browser.close();
  }
  console.log("ok");
}

main().catch((error) => {
  console.error(`e2e: ${error.message.split("\n")[0]}`);
  process.exitCode = 1;
});
