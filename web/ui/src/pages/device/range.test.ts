import { expect, test } from "vitest";
import { DAY, HOUR } from "../../format/time";
import { panned, rangeOf, readShown, zoomed } from "./range";

test.each([
  ["", { span: "24h" }],
  ["span=7d", { span: "7d" }],
  ["span=99y", { span: "24h" }],
  ["from=1000&to=5000", { from: 1000, to: 5000 }],
  ["from=5000&to=1000", { span: "24h" }],
  ["from=x&to=y&span=1h", { span: "1h" }],
])("the address %s shows %o", (address, want) => expect(readShown(new URLSearchParams(address))).toEqual(want));

test("a span follows the clock in steps, so that a moment later is the same request", () => {
  const now = 1_700_000_000_000;
  const range = rangeOf({ span: "24h" }, now);
  expect(range.to - range.from).toBe(DAY);
  expect(range.to).toBeGreaterThanOrEqual(now);
  expect(rangeOf({ span: "24h" }, range.to - 1)).toEqual(range);
  expect(rangeOf({ span: "24h" }, range.to + 1).to).toBeGreaterThan(range.to);
});

test("zooming keeps the middle and stops at ten seconds; panning keeps the length", () => {
  expect(zoomed({ from: 0, to: HOUR }, 0.5)).toEqual({ from: HOUR / 4, to: (3 * HOUR) / 4 });
  const least = zoomed({ from: 0, to: 8_000 }, 0.5);
  expect(least.to - least.from).toBe(10_000);
  expect(panned({ from: 0, to: 100 }, -0.25)).toEqual({ from: -25, to: 75 });
});
