import { MantineProvider } from "@mantine/core";
import { cleanup, render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import type { ReactNode } from "react";
import { I18nextProvider } from "react-i18next";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Problem, UNREACHABLE } from "../api/client";
import { i18n } from "../i18n";
import { HealthMark, SeverityMark } from "./marks";
import { Failure, Read } from "./states";

const show = (node: ReactNode) =>
  render(
    <I18nextProvider i18n={i18n}>
      <MantineProvider env="test">{node}</MantineProvider>
    </I18nextProvider>,
  );

beforeEach(() => i18n.changeLanguage("en"));
afterEach(cleanup);

const query = (over: object) => ({ data: undefined, error: null, isPending: false, refetch: vi.fn(), ...over });

test("what loads says so to screen readers", () => {
  show(<Read query={query({ isPending: true })}>{() => "never"}</Read>);
  expect(screen.getByRole("status", { name: "Loading" })).toBeTruthy();
});

test("what failed tells the server's words and tries again on demand", async () => {
  const q = query({ error: new Problem(422, "Unprocessable", "The step needs more.", ["body.note: This step needs a note."]) });
  show(<Read query={q}>{() => "never"}</Read>);
  expect(screen.getByRole("alert").textContent).toContain("The step needs more. · body.note: This step needs a note.");
  await userEvent.click(screen.getByRole("button", { name: "Try again" }));
  expect(q.refetch).toHaveBeenCalledOnce();
});

test("old data stays while a refresh fails", () => {
  show(<Read query={query({ data: "yesterday's", error: new Problem(503, "", "") })}>{(d) => d}</Read>);
  expect(screen.getByText("yesterday's")).toBeTruthy();
});

test.each([
  [new Problem(403, "Forbidden", "Only administrators."), "Not for your role", "Only administrators."],
  [new Problem(404, "Not Found", "There is no ticket T-1."), "Not found", "There is no ticket T-1."],
  [new Problem(UNREACHABLE, "", ""), "The server cannot be reached", "The server could not answer."],
])("%s has a state of its own", (error, title, words) => {
  show(<Failure error={error} />);
  expect(screen.getByRole("heading", { name: title })).toBeTruthy();
  expect(screen.getByText(words)).toBeTruthy();
});

test("severity is a word and a shape, not a colour alone", () => {
  const shapes = (["info", "warning", "major", "critical"] as const).map((severity) => {
    const { container, unmount } = show(<SeverityMark severity={severity} wordless />);
    expect(container.querySelector("svg")?.parentElement?.textContent).toBe(i18n.t(`severity.${severity}`));
    const shape = container.querySelector("svg")?.innerHTML;
    unmount();
    return shape;
  });
  expect(new Set(shapes).size).toBe(4);
});

test("health speaks the language of the page", async () => {
  await i18n.changeLanguage("de");
  show(<HealthMark health="silent" />);
  expect(screen.getByText("Stumm")).toBeTruthy();
});
