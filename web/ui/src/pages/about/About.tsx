import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import type { About as AboutData } from "../../api/model";
import { aboutQuery } from "../../api/queries";
import { Ago } from "../../components/Ago";
import { Glyph } from "../../components/marks";
import { Body, Facts, Page, Section, Table } from "../../components/Page";
import { Read } from "../../components/states";
import { bytes, count } from "../../format/number";
import { precise } from "../../format/time";
import css from "./about.module.css";

/** A reading that waits longer than this is worth a look, in seconds. */
const SLOW = 10;
/** And longer than this it is trouble. */
const STUCK = 60;

/** What runs, where the data is, how full, how far behind. */
export function About() {
  const { t } = useTranslation();
  const about = useQuery(aboutQuery);
  return (
    <Page title={t("nav.about")} sub={about.data ? `Presage ${about.data.version}` : ""}>
      <Read query={about}>{(data) => <Loaded about={data} />}</Read>
    </Page>
  );
}

function Loaded({ about }: { about: AboutData }) {
  const { t, i18n } = useTranslation();
  const lag = about.oldest_unprocessed_s;
  const shape = lag >= STUCK ? "critical" : lag >= SLOW ? "warning" : "ok";
  const journal = about.journal_limit > 0 ? about.journal_bytes / about.journal_limit : 0;
  const full = about.data_free > 0 ? about.data_bytes / (about.data_bytes + about.data_free) : 0;
  return (
    <Body>
      <dl className={css["figures"]}>
        <div>
          <dt>{t("about.behind")}</dt>
          <dd className={css[shape]}>
            <Glyph shape={shape} size={18} />
            {precise(lag * 1000, i18n.language)}
          </dd>
        </div>
        <div>
          <dt>{t("about.journal")}</dt>
          <dd className={about.journal_full ? css["critical"] : ""}>{bytes(about.journal_bytes, i18n.language)}</dd>
          <span className={css["disk"]} aria-hidden="true">
            <span style={{ width: `${Math.max(1, journal * 100)}%` }} />
          </span>
          <span className="dim">
            {about.journal_full ? t("about.journalFull") : t("about.of", { limit: bytes(about.journal_limit, i18n.language) })}
          </span>
        </div>
        <div>
          <dt>{t("about.devices")}</dt>
          <dd>{count(about.devices, i18n.language)}</dd>
        </div>
        <div>
          <dt>{t("about.tickets")}</dt>
          <dd>{count(about.tickets_open, i18n.language)}</dd>
        </div>
        <div>
          <dt>{t("about.stored")}</dt>
          <dd className={about.disk_low ? css["critical"] : ""}>{bytes(about.data_bytes, i18n.language)}</dd>
          {about.data_free > 0 && (
            <>
              <span className={css["disk"]} aria-hidden="true">
                <span style={{ width: `${Math.max(1, full * 100)}%` }} />
              </span>
              <span className="dim">{t("about.free", { free: bytes(about.data_free, i18n.language) })}</span>
            </>
          )}
        </div>
      </dl>
      <Section title={t("about.parts")}>
        <Facts
          facts={[
            [t("about.version"), about.version],
            [t("about.started"), <Ago key="s" at={about.started} />],
            [t("about.broker"), <span key="b" className="mono">{about.broker}</span>],
            [t("about.series"), <span key="e" className="mono">{about.series}</span>],
            [t("about.database"), <span key="d" className="mono">{about.database}</span>],
            [t("about.folder"), <span key="f" className="mono">{about.data_dir}</span>],
          ]}
        />
      </Section>
      {(about.lanes?.length ?? 0) > 0 && (
        <Section title={t("about.lanes")} note={t("about.lanesNote")}>
          <div className={css["list"]}>
            <Table
              label={t("about.lanes")}
              head={
                <>
                  <th>{t("about.partition")}</th>
                  <th className="num">{t("about.detect")}</th>
                  <th className="num">{t("about.store")}</th>
                  <th>{t("about.position")}</th>
                </>
              }
            >
              {about.lanes?.map((lane) => (
                <tr key={lane.partition}>
                  <td data-label={t("about.partition")}>
                    {lane.partition}
                  </td>
                  <td className="num" data-label={t("about.detect")}>
                    {precise(lane.detect_lag_s * 1000, i18n.language)}
                  </td>
                  <td className="num" data-label={t("about.store")}>
                    {precise(lane.store_lag_s * 1000, i18n.language)}
                  </td>
                  <td className="mono">{lane.position}</td>
                </tr>
              ))}
            </Table>
          </div>
        </Section>
      )}
      <p className="dim">
        <a className="link" href="/openapi.json">
          OpenAPI
        </a>{" "}
        · Apache-2.0
      </p>
    </Body>
  );
}
