import { describe, expect, test } from "vitest";
import { preferredLanguage } from ".";
import { de } from "./de";
import { en } from "./en";
import { zh } from "./zh";

type Tree = { [key: string]: string | Tree };

function flat(tree: Tree, prefix = ""): Map<string, string> {
  const out = new Map<string, string>();
  for (const [key, value] of Object.entries(tree)) {
    if (typeof value === "string") out.set(prefix + key, value);
    else for (const [k, v] of flat(value, `${prefix}${key}.`)) out.set(k, v);
  }
  return out;
}

const english = flat(en);
const blanks = (text: string) => [...text.matchAll(/{{(\w+)}}/g)].map((m) => m[1]).sort();

describe.each([
  ["de", flat(de)],
  ["zh", flat(zh)],
])("%s", (_, words) => {
  test("has every key of English and no other", () => {
    expect([...words.keys()].sort()).toEqual([...english.keys()].sort());
  });

  test("leaves nothing empty", () => {
    expect([...words].filter(([, text]) => text.trim() === "")).toEqual([]);
  });

  test("fills only blanks that English has", () => {
    const strange = [...words].filter(([key, text]) => blanks(text).some((b) => !blanks(english.get(key) ?? "").includes(b)));
    expect(strange).toEqual([]);
  });
});

describe("the sources", () => {
  const sources = import.meta.glob<string>("../**/*.{ts,tsx}", { query: "?raw", import: "default", eager: true });
  const used = new Set<string>();
  const families = new Set<string>();
  for (const [path, text] of Object.entries(sources)) {
    if (path.includes(".test.")) continue;
    for (const call of text.matchAll(/\bt\(([^;]*?)\)/gs)) {
      for (const m of call[1]!.matchAll(/"([a-z]+\.[\w.-]+)"/g)) used.add(m[1]!);
    }
    for (const m of text.matchAll(/\bt\(`([a-z]+(?:\.[a-z]+)*)\.\$/g)) families.add(m[1]!);
  }

  test("use only keys that exist", () => {
    expect(used.size).toBeGreaterThan(200);
    const missing = [...used].filter((key) => !english.has(key) && !english.has(`${key}_other`));
    expect(missing).toEqual([]);
  });

  test("use only families of keys that exist", () => {
    const missing = [...families].filter((family) => ![...english.keys()].some((key) => key.startsWith(`${family}.`)));
    expect(families.size).toBeGreaterThan(10);
    expect(missing).toEqual([]);
  });

  test("leave no key unused", () => {
    const idle = [...english.keys()].filter((key) => {
      const plain = key.replace(/_(one|other)$/, "");
      return !used.has(plain) && ![...families].some((family) => key.startsWith(`${family}.`));
    });
    expect(idle).toEqual([]);
  });
});

test.each([
  ["zh", ["de"], "zh"],
  [null, ["fr", "de-AT"], "de"],
  [null, ["zh-Hans-CN"], "zh"],
  ["klingon", ["fr"], "en"],
])("language: stored %s, wanted %s", (stored, wanted, want) => expect(preferredLanguage(stored, wanted)).toBe(want));
