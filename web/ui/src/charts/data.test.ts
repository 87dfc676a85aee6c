import { describe, expect, test } from "vitest";
import type { BandPoint, Point } from "../api/model";
import { alone, alongBand, columns, gapLimit, valueRange } from "./data";

describe("columns", () => {
  test("windows break where one is missing", () => {
    const points: Point[] = [
      [0, 1],
      [60, 2],
      [180, 3],
    ];
    expect(columns(points, 60)).toEqual([
      [0, 60, 120, 180],
      [1, 2, null, 3],
    ]);
  });

  test("raw readings break at four times their usual distance", () => {
    const points: Point[] = [0, 10, 20, 50, 60, 70, 200].map((t) => [t, t]);
    expect(gapLimit(points)).toBe(40);
    expect(columns(points)[1]).toEqual([0, 10, 20, 50, 60, 70, null, 200]);
  });

  test("least and greatest break together with the mean", () => {
    const p: Point[] = [
      [0, 1],
      [60, 2],
      [240, 3],
    ];
    const [times, mean, low, high] = columns(p, 60, p, p);
    expect(times).toHaveLength(4);
    expect([mean?.[2], low?.[2], high?.[2]]).toEqual([null, null, null]);
  });

  test("no points give no rows, one point no gap", () => {
    expect(columns([])).toEqual([[], []]);
    expect(columns([[5, 1]])).toEqual([[5], [1]]);
  });

  test("100,000 readings are laid out within a frame or two", () => {
    const points: Point[] = Array.from({ length: 100_000 }, (_, i) => [i * 500, Math.sin(i)]);
    const began = performance.now();
    expect(columns(points)[0]).toHaveLength(100_000);
    expect(performance.now() - began).toBeLessThan(500);
  });
});

test("readings between gaps stand alone", () => {
  expect(alone([1, null, 2, 3, null, 4])).toEqual([0, 5]);
  expect(alone([])).toEqual([]);
});

describe("alongBand", () => {
  const band: BandPoint[] = [
    { t: 100, low: 0, high: 10 },
    { t: 200, low: 10, high: null },
  ];
  const seen = (times: number[]) => {
    const out: [number, number, number][] = [];
    alongBand(times, band, (i, low, high) => out.push([times[i]!, low, high]));
    return out;
  };

  test("interpolates between its points and holds the last one", () => {
    expect(seen([150])).toEqual([[150, 5, 10]]);
    expect(seen([300])).toEqual([[300, 10, Infinity]]);
  });

  test("nothing was expected before it begins", () => {
    expect(seen([50])).toEqual([]);
  });
});

describe("valueRange", () => {
  test("shows data and band with room above and below", () => {
    const [low, high] = valueRange(10, 20, [{ t: 0, low: 8, high: 22 }]);
    expect(low).toBeLessThan(8);
    expect(high).toBeGreaterThan(22);
  });

  test("a band far away does not flatten the data", () => {
    const [low, high] = valueRange(10, 20, [{ t: 0, low: -1000, high: 1000 }]);
    expect(10 / (high - low)).toBeGreaterThan(0.3);
  });

  test.each([
    ["constant data", 5, 5],
    ["constant zero", 0, 0],
    ["no data", NaN, NaN],
  ])("%s has a range", (_, min, max) => {
    const [low, high] = valueRange(min, max, []);
    expect(high).toBeGreaterThan(low);
  });
});
