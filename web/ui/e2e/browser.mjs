// A headless Chromium and what the scripts beside this file do with its pages.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { chromium } from "playwright-core";

const flags = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Starts a browser with a profile of its own; every page has its own cookies. */
export async function launch() {
  const profile = await mkdtemp(path.join(tmpdir(), "presage-e2e-"));
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [...flags, `--crash-dumps-dir=${profile}`],
    env: { ...process.env, HOME: profile },
  });
  return {
    async newPage(baseURL) {
      const context = await browser.newContext({ baseURL, viewport: { width: 1440, height: 900 }, locale: "en-GB", reducedMotion: "reduce" });
      const page = await context.newPage();
      page.on("pageerror", (error) => console.error(`page error: ${error.message}`));
      return page;
    },
    async close() {
      await browser.close();
      await rm(profile, { recursive: true, force: true });
    },
  };
}

/** Runs one step and names it when it fails. */
export async function step(what, run) {
  try {
    return await run();
  } catch (error) {
    throw new Error(`${what}: failed: ${error.message.split("\n")[0]}`, { cause: error });
  }
}

/** Signs in through the page and waits until the place it wanted to go to is there. */
export async function signIn(page, { name, password }, next) {
  await page.goto(`/signin?next=${encodeURIComponent(next)}`);
  await page.fill('[data-testid="name"]', name);
  await page.fill('[data-testid="password"]', password);
  await page.click('[data-testid="sign-in"]');
  const done = await Promise.race([
    page.waitForSelector('[data-testid="person"]', { state: "attached", timeout: 20_000 }).then(() => ""),
    page.waitForSelector('form [role="alert"]', { timeout: 20_000 }).then((alert) => alert.innerText()),
  ]);
  if (done !== "") throw new Error(done);
}

/** Fails when the page shows anything that the selector matches. */
export async function expectNone(page, selector) {
  const found = await page.$$(selector);
  if (found.length > 0) throw new Error(`there is ${await found[0].evaluate((e) => e.outerHTML.slice(0, 120))}`);
}

/** How much of a canvas is drawn on, and in how many colours: [0, 1] and a count. */
export function canvasInk(canvas) {
  return canvas.evaluate((node) => {
    const { data } = node.getContext("2d").getImageData(0, 0, node.width, node.height);
    const colours = new Set();
    let drawn = 0;
    for (let i = 0; i < data.length; i += 4) {
      if (data[i + 3] === 0) continue;
      drawn++;
      if (data[i + 3] > 200) colours.add((data[i] << 16) | (data[i + 1] << 8) | data[i + 2]);
    }
    return { share: drawn / (data.length / 4), colours: colours.size };
  });
}

/** Takes a picture; whole makes the window as tall as the page first. */
export async function shoot(page, file, { whole = false } = {}) {
  const size = page.viewportSize();
  if (whole) {
    const height = await page.evaluate(() => document.querySelector("main")?.scrollHeight ?? 0);
    await page.setViewportSize({ width: size.width, height: Math.max(size.height, Math.min(height + 40, 4000)) });
  }
  await page.screenshot({ path: file });
  if (whole) await page.setViewportSize(size);
}
