import { expect, test } from "vitest";
import { address } from "../../api/client";
import { withChange } from "../../app/address";
import { narrowings, queryOf, readFilter } from "./filter";

test("an address without a filter is the open queue by deadline", () => {
  const f = readFilter(new URLSearchParams());
  expect([f.show, f.sort, narrowings(f)]).toEqual(["open", "deadline", 0]);
  expect(address("/tickets", queryOf(f))).toBe("/api/v1/tickets?open=true");
});

test("what the address does not mean falls back", () => {
  const f = readFilter(new URLSearchParams("show=sideways&sort=colour"));
  expect([f.show, f.sort]).toEqual(["open", "deadline"]);
});

test("values of a facet are alternatives, also those with commas in them", () => {
  const f = readFilter(new URLSearchParams("show=all&region=eu&region=us%2Ceast&q=pump"));
  expect(address("/tickets", queryOf(f))).toBe("/api/v1/tickets?q=pump&region=eu&region=us%2Ceast");
  expect(narrowings(f)).toBe(2);
});

test("the counts beside a facet leave out its own values", () => {
  const f = readFilter(new URLSearchParams("region=eu&severity=major"));
  expect(queryOf(f, "region")).not.toHaveProperty("region");
  expect(queryOf(f, "region")).toHaveProperty("severity", ["major"]);
});

test("changes of the address leave the rest alone", () => {
  const next = withChange(new URLSearchParams("region=eu&q=x&sel=T-1"), { region: ["us", "cn"], q: null, sel: "" });
  expect(next.toString()).toBe("region=us&region=cn");
});
