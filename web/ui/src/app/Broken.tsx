import { Button } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { Link, useRouteError } from "react-router";
import { Empty, Failure } from "../components/states";

/** Stands in for a page whose code failed or could not be fetched, as after an update of the server. */
export function Broken() {
  const error = useRouteError();
  return <Failure error={error} retry={() => window.location.reload()} />;
}

export function Missing() {
  const { t } = useTranslation();
  return (
    <Empty title={t("states.notFound")}>
      <p>{t("states.notFoundHint")}</p>
      <Button component={Link} to="/tickets" variant="default" mt="xs">
        {t("nav.queue")}
      </Button>
    </Empty>
  );
}
