import { Button, Modal, NumberInput, Select, Textarea } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { put } from "../../api/client";
import type { RuleStage, StageSetting } from "../../api/model";
import { useMay } from "../../app/session";
import { Tag } from "../../components/marks";
import { describe } from "../../components/states";
import { percent } from "../../format/number";
import css from "./detectors.module.css";

const stages = ["catalogue", "live", "canary", "shadow"] as const;
type Choice = (typeof stages)[number];

/** The share of the devices of a canary until somebody says another, in percent. */
const SHARE = 10;

interface Props {
  rule: string;
  model: string;
  /** The last change of the stage, if there was one. */
  setting: StageSetting | undefined;
  /** The stage of the catalogue, where it is known. */
  catalogued?: RuleStage;
}

/** The stage of a rule on a model; planners change it and say why. */
export function Stage({ rule, model, setting, catalogued }: Props) {
  const { t, i18n } = useTranslation();
  const may = useMay();
  const [wanted, setWanted] = useState<Choice | null>(null);
  const now = (setting?.stage || "catalogue") as Choice;
  const share = (of: number | undefined) => percent(of || SHARE / 100, i18n.language);
  return (
    <>
      {may("set-detector-stage") ? (
        <Select
          size="xs"
          w={150}
          value={now}
          data={stages.map((value) => ({ value, label: t(`detectors.stages.${value}`, { share: share(setting?.canary) }) }))}
          aria-label={t("detectors.stageOf", { rule })}
          allowDeselect={false}
          // A canary can be chosen again, with another share.
          onOptionSubmit={(v) => (v !== now || v === "canary") && setWanted(v)}
        />
      ) : (
        <Tag tone={now === "shadow" ? "warning" : undefined}>{t(`detectors.stages.${now}`, { share: share(setting?.canary) })}</Tag>
      )}
      {now === "shadow" && setting?.by === "review" && <div className={css["meta"]}>{t("detectors.dropped")}</div>}
      {now === "catalogue" && catalogued && <div className={css["meta"]}>{t(`detectors.stages.${catalogued.stage}`, { share: share(catalogued.canary) })}</div>}
      {wanted && <Form rule={rule} model={model} stage={wanted} share={Math.round((setting?.canary || SHARE / 100) * 100)} onClose={() => setWanted(null)} />}
    </>
  );
}

function Form({ rule, model, stage, share, onClose }: { rule: string; model: string; stage: Choice; share: number; onClose: () => void }) {
  const { t, i18n } = useTranslation();
  const client = useQueryClient();
  const [reason, setReason] = useState("");
  const [part, setPart] = useState<number | string>(share);
  const canary = Number(part) / 100;
  const valid = reason.trim() !== "" && (stage !== "canary" || (canary >= 0.01 && canary <= 0.99));
  const save = useMutation({
    mutationFn: () => put(`/detectors/${encodeURIComponent(rule)}/stage`, { model, stage, reason: reason.trim(), ...(stage === "canary" ? { canary } : {}) }),
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: ["detectors"] });
      void client.invalidateQueries({ queryKey: ["notices"] });
      onClose();
    },
  });
  return (
    <Modal opened onClose={onClose} title={t("detectors.setTitle", { rule })} size="sm" closeButtonProps={{ "aria-label": t("help.close") }}>
      <form
        className={css["form"]}
        onSubmit={(e) => {
          e.preventDefault();
          if (valid) save.mutate();
        }}
      >
        <p>
          {model || t("detectors.noModel")} → <b>{t(`detectors.stages.${stage}`, { share: percent(canary, i18n.language) })}</b>
        </p>
        {stage === "canary" && (
          <NumberInput label={t("detectors.share")} description={t("detectors.shareHint")} value={part} onChange={setPart} min={1} max={99} allowDecimal={false} suffix=" %" />
        )}
        <Textarea label={t("detectors.reason")} description={t("detectors.reasonHint")} value={reason} onChange={(e) => setReason(e.currentTarget.value)} required maxLength={500} autosize minRows={2} data-autofocus data-testid="stage-reason" />
        {save.isError && (
          <p role="alert" style={{ color: "var(--mantine-color-error)" }}>
            {t("detectors.notChanged")}: {describe(save.error)}
          </p>
        )}
        <div className={css["formBar"]}>
          <Button variant="default" onClick={onClose}>
            {t("states.cancel")}
          </Button>
          <Button type="submit" loading={save.isPending} disabled={!valid} data-testid="stage-save">
            {t("states.save")}
          </Button>
        </div>
      </form>
    </Modal>
  );
}
