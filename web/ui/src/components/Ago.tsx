import { Tooltip } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useNow } from "../app/now";
import { duration, exact, millis, relative, viewerZone, type Instant } from "../format/time";

interface Props {
  at: Instant;
  /** IANA zone of the place where it happened; the hover then shows both clocks. */
  zone?: string | undefined;
  /** "ago" says "3 h ago", "since" just "3 h". */
  as?: "ago" | "since";
}

/** A time as people say it, with the exact one on hover and focus. Absent times are a dash. */
export function Ago({ at, zone, as = "ago" }: Props) {
  const now = useNow();
  const { i18n } = useTranslation();
  const [shown, show] = useState(false);
  const ms = millis(at);
  if (ms === null) return <span className="dim">–</span>;
  const text = as === "ago" ? relative(ms, now, i18n.language) : duration(now - ms, i18n.language);
  const time = (
    <time
      dateTime={new Date(ms).toISOString()}
      style={{ whiteSpace: "nowrap" }}
      onPointerEnter={() => show(true)}
      onPointerLeave={() => show(false)}
    >
      {text}
    </time>
  );
  // A page holds hundreds of times: each gets its tooltip only while it is pointed at.
  return shown ? (
    <Tooltip opened label={<Exact ms={ms} zone={zone} />}>
      {time}
    </Tooltip>
  ) : (
    time
  );
}

/** The exact time in the viewer's zone and, where it differs, in the site's. */
export function Exact({ ms, zone }: { ms: number; zone?: string | undefined }) {
  const { t, i18n } = useTranslation();
  const here = exact(ms, i18n.language);
  if (!zone || zone === viewerZone()) return <>{here}</>;
  return (
    <span style={{ display: "grid", gridTemplateColumns: "auto auto", gap: "1px 10px", fontVariantNumeric: "tabular-nums" }}>
      <span style={{ opacity: 0.7 }}>{t("time.here")}</span>
      <span>{here}</span>
      <span style={{ opacity: 0.7 }}>{t("time.site")}</span>
      <span>{exact(ms, i18n.language, zone)}</span>
    </span>
  );
}
