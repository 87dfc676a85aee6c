import { MantineProvider } from "@mantine/core";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { cleanup, render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { I18nextProvider } from "react-i18next";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { put } from "../../api/client";
import type { DetectorRecord } from "../../api/model";
import { i18n } from "../../i18n";
import { Levels } from "./Levels";

vi.mock("../../api/client", async (original) => ({ ...(await original<object>()), put: vi.fn(() => Promise.resolve()) }));
const allowed = vi.hoisted(() => ({ yes: true }));
vi.mock("../../app/session", () => ({ useMay: () => () => allowed.yes }));

const record = (over: Partial<DetectorRecord>): DetectorRecord => ({
  rule: "base", model: "X1", tickets: 10, confirmed: 1, refuted: 9, unlabelled: 0, failures: 0, found: 0, trial_raised: 0, trial_ticketed: 0, ...over,
});
const step = { rule: "base", model: "X1", level: 1.5625, level_at: "2026-03-04T05:06:07Z", by: "review", reason: "1 of the last 10", at: "2026-03-04T05:06:07Z" };

const show = (records: DetectorRecord[]) =>
  render(
    <I18nextProvider i18n={i18n}>
      <QueryClientProvider client={new QueryClient()}>
        <MantineProvider env="test">
          <Levels records={records} />
        </MantineProvider>
      </QueryClientProvider>
    </I18nextProvider>,
  );

beforeEach(() => i18n.changeLanguage("en"));
afterEach(cleanup);

test("without a suggestion there is nothing to see", () => {
  show([record({})]);
  expect(screen.queryByRole("list")).toBeNull();
});

test("a suggested level is told with its reason and applied by a click", async () => {
  allowed.yes = true;
  show([record({ suggested: step, setting: { ...step, level: 1.25 } })]);
  expect(screen.getByTestId("step-base").textContent).toContain("more evidence, level 1.25 → 1.56 1 of the last 10");
  await userEvent.click(screen.getByRole("button", { name: "Apply" }));
  expect(put).toHaveBeenCalledWith("/detectors/base/level", { model: "X1", level: 1.5625, reason: "1 of the last 10" });
});

test("who may not change levels sees the suggestion only", () => {
  allowed.yes = false;
  show([record({ suggested: { ...step, level: 0.8 } })]);
  expect(screen.getByTestId("step-base").textContent).toContain("less evidence, level 1 → 0.8");
  expect(screen.queryByRole("button")).toBeNull();
});
