import { expect, test } from "vitest";
import { pieces } from "./yaml";

const kinds = (line: string) => pieces(line).filter((p) => p.kind !== "plain").map((p) => `${p.kind} ${p.text}`);

test.each([
  ["version: 1", ["key version", "number 1"]],
  ["  - {name: rpm, unit: \"%\", min: -60}", ["key name", "key unit", 'string "%"', "key min", "number -60"]],
  ["    limit: {above: 3.8, for: 8s}  # why", ["key limit", "key above", "number 3.8", "key for", "number 8s", "comment # why"]],
  ["title: {en: Wi-Fi 6 lost}", ["key title", "key en", "number 6"]],
  ["# all of it", ["comment # all of it"]],
])("%s", (line, want) => expect(kinds(line)).toEqual(want));

test("nothing of a line is lost", () => {
  for (const line of ["", "  ", "a: 'b # c' # d", "{{{:::", "x: \"unfinished", "- - -"]) {
    expect(pieces(line).map((p) => p.text).join("")).toBe(line);
  }
});
