import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { cohortOf } from "../format/names";

/** A link to a device; for a fault of a whole model to its devices. */
export function DeviceLink({ id, name }: { id: string; name?: string | undefined }) {
  const { t } = useTranslation();
  const cohort = cohortOf(id);
  if (cohort) {
    return (
      <Link className="link" to={cohort.known ? `/fleet?${new URLSearchParams({ model: cohort.model }).toString()}` : "/fleet"}>
        {t("device.cohort", { model: cohort.model })}
      </Link>
    );
  }
  return (
    <Link className="link" to={`/devices/${encodeURIComponent(id)}`}>
      {name || id}
    </Link>
  );
}
