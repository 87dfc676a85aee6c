import { Button } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { put } from "../../api/client";
import type { DetectorRecord, StageSetting } from "../../api/model";
import { useMay } from "../../app/session";
import { Section } from "../../components/Page";
import { describe } from "../../components/states";
import { measured } from "../../format/number";
import css from "./detectors.module.css";

/** Levels that would suit what became known better; a planner applies them. */
export function Levels({ records }: { records: DetectorRecord[] }) {
  const { t } = useTranslation();
  const steps = records.flatMap((r) => (r.suggested ? [{ suggested: r.suggested, now: r.setting?.level ?? 1 }] : []));
  if (steps.length === 0) return null;
  return (
    <Section title={t("detectors.levels")} note={t("detectors.levelsNote")}>
      <ul className={css["steps"]}>
        {steps.map((s) => (
          <Step key={s.suggested.model} step={s.suggested} now={s.now} />
        ))}
      </ul>
    </Section>
  );
}

function Step({ step, now }: { step: StageSetting; now: number }) {
  const { t, i18n } = useTranslation();
  const may = useMay();
  const client = useQueryClient();
  const level = step.level ?? 1;
  const apply = useMutation({
    mutationFn: () => put(`/detectors/${encodeURIComponent(step.rule)}/level`, { model: step.model, level, reason: step.reason }),
    onSettled: () => void client.invalidateQueries({ queryKey: ["detectors"] }),
    onError: (error) => notifications.show({ color: "red", title: t("detectors.levelNotChanged"), message: describe(error) }),
  });
  return (
    <li data-testid={`step-${step.rule}`}>
      <span>
        <span className="mono">{step.rule}</span> {step.model || t("detectors.noModel")}:{" "}
        {t(level > now ? "detectors.raise" : "detectors.lower", { now: measured(now, i18n.language), level: measured(level, i18n.language) })}
        <span className={css["meta"]}> {step.reason}</span>
      </span>
      {may("set-detector-level") && (
        <Button size="compact-xs" variant="default" onClick={() => apply.mutate()} loading={apply.isPending}>
          {t("detectors.apply")}
        </Button>
      )}
    </li>
  );
}
