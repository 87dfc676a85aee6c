import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import type { BandPoint, DeviceEvent, Point } from "../../api/model";
import { bandQuery, seriesQuery } from "../../api/queries";
import { useMetricName } from "../../app/names";
import type { Overlay } from "../../charts/overlay";
import { SignalChart, type Range } from "../../charts/SignalChart";
import { Failure } from "../../components/states";
import { precise } from "../../format/time";

const noPoints: Point[] = [];
const noBand: BandPoint[] = [];

interface Props {
  device: string;
  metric: string;
  unit: string;
  range: Range;
  events: readonly DeviceEvent[];
  spans: Overlay["spans"];
  height: number;
  timeAxis: boolean;
  onRange: (range: Range | null) => void;
}

/** One metric of a device: single readings where they are few, means with least and greatest where they are many. */
export function DeviceSignal({ device, metric, unit, range, events, spans, height, timeAxis, onRange }: Props) {
  const { t, i18n } = useTranslation();
  const metricName = useMetricName();
  const series = useQuery(seriesQuery(device, metric, range));
  const band = useQuery(bandQuery(device, metric, range));
  if (series.error && !series.data) return <Failure error={series.error} retry={() => void series.refetch()} />;
  const step = series.data?.step_ms ?? 0;
  return (
    <SignalChart
      name={metricName(metric)}
      unit={unit}
      points={series.data?.points ?? noPoints}
      step={step}
      min={step > 0 ? (series.data?.min ?? undefined) : undefined}
      max={step > 0 ? (series.data?.max ?? undefined) : undefined}
      band={band.data ?? noBand}
      spans={spans}
      events={events}
      range={range}
      height={height}
      timeAxis={timeAxis}
      group={`device-${device}`}
      note={series.data ? (step > 0 ? t("device.windows", { step: precise(step, i18n.language) }) : t("device.raw")) : t("states.loading")}
      onRange={onRange}
    />
  );
}
