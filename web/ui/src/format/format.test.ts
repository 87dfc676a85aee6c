import { describe, expect, test } from "vitest";
import { cohortOf, deviceAndModel, humanise, pick } from "./names";
import { bytes, measured, percent, withUnit } from "./number";
import { DAY, duration, exact, HOUR, instantAt, millis, MINUTE, precise, relative, SECOND, wallTime } from "./time";

describe("times of other zones", () => {
  const berlin = "Europe/Berlin";
  test.each([
    ["2026-01-15T10:00", berlin, "2026-01-15T09:00:00.000Z"],
    ["2026-07-15T10:00", berlin, "2026-07-15T08:00:00.000Z"],
    ["2026-07-15T10:00", "UTC", "2026-07-15T10:00:00.000Z"],
    ["2026-07-15T10:00", "Asia/Shanghai", "2026-07-15T02:00:00.000Z"],
    ["2026-07-15T10:00", "Asia/Kolkata", "2026-07-15T04:30:00.000Z"],
    // Clocks go forward from 2 to 3 on 29 March, and back from 3 to 2 on 25 October.
    ["2026-03-29T01:59", berlin, "2026-03-29T00:59:00.000Z"],
    ["2026-03-29T03:00", berlin, "2026-03-29T01:00:00.000Z"],
    ["2026-10-25T02:30", berlin, "2026-10-25T00:30:00.000Z"],
    ["2026-10-25T03:00", berlin, "2026-10-25T02:00:00.000Z"],
  ])("%s in %s is %s", (wall, zone, instant) => {
    const at = instantAt(wall, zone);
    expect(at === null ? null : new Date(at).toISOString()).toBe(instant);
    expect(wallTime(Date.parse(instant), zone)).toBe(wall);
  });

  test("a time that is skipped is moved on, nonsense is none", () => {
    expect(wallTime(instantAt("2026-03-29T02:30", berlin) ?? 0, berlin)).toBe("2026-03-29T03:30");
    expect(instantAt("", berlin)).toBeNull();
  });
});

describe("times", () => {
  test.each([
    ["2026-11-21T10:00:00.123Z", Date.UTC(2026, 10, 21, 10, 0, 0, 123)],
    [1_700_000_000_000, 1_700_000_000_000],
    ["0001-01-01T00:00:00Z", null],
    ["", null],
    ["yesterday", null],
    [undefined, null],
  ])("millis of %s", (at, want) => expect(millis(at)).toBe(want));

  test.each([
    [-3 * HOUR, "3h ago"],
    [20 * MINUTE, "in 20m"],
    [-4 * SECOND, "now"],
    [-2 * DAY, "2d ago"],
  ])("relative %s", (ms, want) => expect(relative(1e12 + ms, 1e12, "en")).toBe(want));

  test("durations speak the language", () => {
    expect(duration(3 * DAY, "de")).toMatch(/^3\s*T/);
    expect(duration(3 * HOUR, "zh")).toMatch(/^3\s*小时/);
  });

  test.each([
    [0, "0s"],
    [620, "0.6s"],
    [59_600, "1m"],
    [65_000, "1m 5s"],
    [2 * HOUR, "2h"],
    [-(HOUR + 5 * MINUTE), "−1h 5m"],
    [DAY + 3 * HOUR, "1d 3h"],
  ])("precise %s", (ms, want) => expect(precise(ms, "en")).toBe(want));

  test("exact times know zones, also unknown ones", () => {
    const at = Date.UTC(2026, 0, 5, 12);
    expect(exact(at, "en", "Asia/Shanghai")).toContain("20:00:00");
    expect(exact(at, "en", "Mars/Olympus")).toContain("12:00:00");
  });
});

describe("numbers", () => {
  test.each([
    [1234.56, "1,235"],
    [91.234, "91.23"],
    [0.04123, "0.0412"],
    [-0.5, "-0.5"],
    [0, "0"],
    [NaN, "–"],
    [1e12, "1.00e+12"],
    [1e-7, "1.00e-7"],
  ])("measured %s", (v, want) => expect(measured(v, "en")).toBe(want));

  test("units follow a space that does not break", () => {
    expect(withUnit(5, "°C", "en")).toBe("5\u00a0°C");
    expect(withUnit(5, "", "en")).toBe("5");
  });

  test("a share that is not whole never reads 100 %", () => {
    expect(percent(0.9998, "en")).toBe("99.98%");
    expect(percent(0.999999, "en")).toBe("99.99%");
    expect(percent(1, "en")).toBe("100%");
    expect(percent(0.921, "en")).toBe("92%");
  });

  test("bytes", () => {
    expect(bytes(5, "en")).toBe("5 bytes");
    expect(bytes(1_900_000_000, "en")).toBe("1.9 GB");
  });
});

test("sentences fall back to English, then to any", () => {
  expect(pick({ en: "a", de: "b" }, "de")).toBe("b");
  expect(pick({ en: "a" }, "zh")).toBe("a");
  expect(pick({ fr: "c" }, "zh")).toBe("c");
  expect(pick(undefined, "en")).toBe("");
});

test("a model that the name of the device begins with is not said twice", () => {
  expect(deviceAndModel("E-Van 3 091", "E-Van 3")).toEqual(["E-Van 3 091"]);
  expect(deviceAndModel("Press 4", "Hydra P200")).toEqual(["Press 4", "Hydra P200"]);
  expect(deviceAndModel("v-1", undefined)).toEqual(["v-1"]);
});

test("identifiers become readable", () => {
  expect(humanise("coolant_temp")).toBe("Coolant temp");
});

test("what stands for all devices of a model is told from a device", () => {
  expect(cohortOf("cohort:vehicle:bus")).toEqual({ model: "bus", known: true });
  expect(cohortOf("cohort:vehicle")).toEqual({ model: "vehicle", known: false });
  expect(cohortOf("bus-7")).toBeUndefined();
  expect(cohortOf("pump:7")).toBeUndefined();
});
