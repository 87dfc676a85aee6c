import { expect, test } from "vitest";
import { steady } from "./steady";

const row = (id: string, v = 0) => ({ id, v });
const ids = (rows: { id: string }[]) => rows.map((r) => r.id).join("");

test("rows keep their places while others arrive before and between them", () => {
  const { shown, waiting } = steady([row("a"), row("b"), row("c")], [row("x"), row("a"), row("y"), row("c"), row("b")]);
  expect(ids(shown)).toBe("abc");
  expect(ids(waiting)).toBe("xy");
});

test("rows take their new contents in place", () => {
  expect(steady([row("a", 1)], [row("a", 2)]).shown).toEqual([row("a", 2)]);
});

test("rows that left stay and are named", () => {
  const { shown, gone } = steady([row("a", 1), row("b")], [row("b")]);
  expect(shown[0]).toEqual(row("a", 1));
  expect([...gone]).toEqual(["a"]);
});

test("a further page is appended", () => {
  const { shown, waiting } = steady([row("a"), row("b")], [row("a"), row("b"), row("c"), row("d")]);
  expect(ids(shown)).toBe("abcd");
  expect(waiting).toEqual([]);
});

test("when every row left, new ones wait", () => {
  const { shown, waiting } = steady([row("a")], [row("b")]);
  expect(ids(shown)).toBe("a");
  expect(ids(waiting)).toBe("b");
});
