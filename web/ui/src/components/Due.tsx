import { useTranslation } from "react-i18next";
import { useNow } from "../app/now";
import { HOUR, millis, type Instant } from "../format/time";
import { Ago } from "./Ago";
import css from "./marks.module.css";

/** Time to a deadline; what is late says so in words as well. */
export function Due({ at, zone }: { at: Instant; zone?: string | undefined }) {
  const { t } = useTranslation();
  const now = useNow();
  const ms = millis(at);
  if (ms === null) return <span className="dim">–</span>;
  const left = ms - now;
  if (left < 0)
    return (
      <span className={css["late"]}>
        {t("queue.late")} <Ago at={ms} zone={zone} as="since" />
      </span>
    );
  return (
    <span className={left < HOUR ? css["soon"] : ""}>
      <Ago at={ms} zone={zone} />
    </span>
  );
}
