// Drives a browser through what a technician does when a fault opens a ticket, against a running
// server, and checks that a viewer cannot do the same:
//
//   sign in, wait for the ticket to appear without reloading, read in its line why it exists, open
//   it, find its chart drawn and, with --peers, the layer of the peers in it that one switches on,
//   move it to in_repair; then sign in as a viewer and find no such step.
//
// usage: node e2e/ticket.mjs --url URL --shots DIR [--device ID] [--fault CODE] [--to STATE] [--wait SECONDS]
//        [--peers]
// environment: PRESAGE_TECHNICIAN and PRESAGE_VIEWER as name:password, CHROMIUM (default /usr/bin/chromium)
//
// With --device it waits for a ticket of that device that is not there yet or already is; without,
// for any that opens after the sign-in. When the page is live it prints "ready" alone on a line, so
// that whoever started it can then publish the fault. It exits with 1 and one line that says what
// was missing.
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { parseArgs } from "node:util";
import { canvasInk, expectNone, launch, shoot, signIn, step } from "./browser.mjs";

const { values: options } = parseArgs({
  options: {
    url: { type: "string" },
    shots: { type: "string" },
    device: { type: "string" },
    fault: { type: "string" },
    to: { type: "string", default: "in_repair" },
    wait: { type: "string", default: "60" },
    peers: { type: "boolean", default: false },
  },
});

function credentials(variable) {
  const value = process.env[variable] ?? "";
  const colon = value.indexOf(":");
  if (colon < 1) throw new Error(`set ${variable} to name:password`);
  return { name: value.slice(0, colon), password: value.slice(colon + 1) };
}

async function main() {
  if (!options.url || !options.shots) throw new Error("give --url and --shots; see the head of this file");
  const technician = credentials("PRESAGE_TECHNICIAN");
  const viewer = credentials("PRESAGE_VIEWER");
  const patience = Number(options.wait) * 1000;
  await mkdir(options.shots, { recursive: true });
  const shot = (name) => path.join(options.shots, `${name}.png`);

  const browser = await launch();
  try {
    const page = await browser.newPage(options.url);
    const list = "/tickets?show=all&sort=opened";
    await step("the technician signs in", () => signIn(page, technician, list));
    await step("the queue is live", () => page.waitForSelector('[data-testid="live"][data-status="live"]', { state: "attached", timeout: 15_000 }));

    const before = await page.$$eval('[data-testid="ticket-row"]', (rows) => rows.map((r) => r.dataset.number));
    // A mark that only lives as long as the document: a reload would lose it.
    await page.evaluate(() => (globalThis.stayed = true));
    await shoot(page, shot("1-queue-before"));
    console.log("ready");

    const number = await step(`a ticket${options.device ? ` of ${options.device}` : ""} appears within ${options.wait} s without a reload`, async () => {
      const found = await page.waitForFunction(
        ({ device, before }) => {
          const rows = [...document.querySelectorAll('[data-testid="ticket-row"]')];
          const row = rows.find((r) => (device ? r.dataset.device === device : !before.includes(r.dataset.number)));
          return row?.dataset.number;
        },
        { device: options.device ?? "", before },
        { timeout: patience },
      );
      return found.jsonValue();
    });
    if (!(await page.evaluate(() => globalThis.stayed === true))) throw new Error("the page was reloaded while it waited for the ticket");
    console.log(`ticket ${number}`);
    await step("its line says why it exists", async () => {
      const line = await page.waitForSelector(`[data-testid="ticket-row"][data-number="${number}"] [data-testid="ticket-reason"]`, { timeout: 15_000 });
      const reason = await line.innerText();
      if (!/\d/.test(reason)) throw new Error(`it says ${JSON.stringify(reason)}`);
    });
    await shoot(page, shot("2-queue-ticket"));

    await step("the ticket opens beside the queue", async () => {
      await page.click(`[data-testid="ticket-row"][data-number="${number}"]`);
      await page.waitForSelector('[data-testid="ticket-summary"]', { timeout: 15_000 });
    });
    await shoot(page, shot("3-panel"));

    await page.goto(`/tickets/${encodeURIComponent(number)}`);
    await step("the summary says what is wrong", async () => {
      const summary = await (await page.waitForSelector('[data-testid="ticket-summary"]', { timeout: 15_000 })).innerText();
      if (summary.trim().length < 10) throw new Error(`the summary is ${JSON.stringify(summary)}`);
    });
    if (options.fault) {
      await step(`the fault code is ${options.fault}`, () => page.waitForSelector(`text="${options.fault}"`, { timeout: 5_000 }));
    }
    await step("the culprit's chart is drawn", async () => {
      const canvas = await page.waitForSelector('[data-testid="ticket-charts"] [data-testid="signal-chart"] canvas', { timeout: 15_000 });
      const ink = await canvasInk(canvas);
      if (ink.colours < 4 || ink.share < 0.005) throw new Error(`the canvas is all but empty: ${JSON.stringify(ink)}`);
    });
    await shoot(page, shot("4-ticket"), { whole: true });
    if (options.peers) {
      await step("the layer of the peers is switched on and off", () => peersLayer(page));
      await shoot(page, shot("4-ticket-peers"), { whole: true });
    }

    await step(`the technician moves it to ${options.to}`, async () => {
      const button = await page.waitForSelector(`[data-testid="action-${options.to}"]:not([disabled])`, { timeout: 10_000 }).catch(() => null);
      if (!button) {
        const why = await page.$(`[data-testid="denied-${options.to}"]`);
        throw new Error(why ? `not allowed: ${await why.innerText()}` : "there is no such step");
      }
      await button.click();
      await page.waitForSelector(`[data-testid="ticket-state"][data-state="${options.to}"]`, { timeout: 10_000 });
      await page.waitForSelector('[data-testid="history"] [data-kind="transition"]', { timeout: 10_000 });
    });
    await shoot(page, shot("5-moved"), { whole: true });

    const other = await browser.newPage(options.url);
    await step("the viewer signs in", () => signIn(other, viewer, `/tickets/${encodeURIComponent(number)}`));
    await step("the viewer sees the ticket in its new state", () =>
      other.waitForSelector(`[data-testid="ticket-state"][data-state="${options.to}"]`, { timeout: 15_000 }),
    );
    await step("the viewer may take no step", () => expectNone(other, '[data-testid^="action-"], [data-testid="assign"], [data-testid="comment"]'));
    await shoot(other, shot("6-viewer"));
  } finally {
    await browser.close();
  }
  console.log("ok");
}

/** Switches the peers' range on and off: the culprit's chart, and only that, has to change and to come back. */
async function peersLayer(page) {
  const box = page.locator('[data-testid="peers"]');
  const pictures = () => page.$$eval('[data-testid="ticket-charts"] [data-testid="signal-chart"] canvas', (all) => all.map((c) => c.toDataURL()));
  if (await box.isChecked()) throw new Error("it is on before anybody asked for it");
  const without = await settled(pictures);
  await box.check();
  const within = await settled(pictures, without);
  if (within[0] === without[0]) throw new Error("nothing is drawn");
  if (within.slice(1).join() !== without.slice(1).join()) throw new Error("it is drawn into charts of other signals");
  await box.uncheck();
  const after = await settled(pictures, within);
  if (after[0] !== without[0]) throw new Error("something of it stays");
  await box.check();
  await settled(pictures, after);
}

/** Reads until two readings in a row are the same and, where given, other than before; after some seconds whatever there is. */
async function settled(read, before) {
  let last = await read();
  for (const end = Date.now() + 5_000; Date.now() < end; ) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    const now = await read();
    if (now.join() === last.join() && now.join() !== before?.join()) return now;
    last = now;
  }
  return last;
}

main().catch((error) => {
  console.error(`e2e: ${error.message.split("\n")[0]}`);
  process.exitCode = 1;
});
