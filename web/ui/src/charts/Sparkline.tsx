interface Props {
  values: readonly number[];
  width?: number;
  height?: number;
  label: string;
}

/** Counts per day as thin bars; days without any are a dot on the base line. */
export function Sparkline({ values, width = 90, height = 18, label }: Props) {
  const top = Math.max(1, ...values);
  const slot = width / Math.max(1, values.length);
  const bar = Math.max(1, slot - 1);
  return (
    <svg width={width} height={height} viewBox={`0 0 ${width} ${height}`} role="img" aria-label={label} style={{ display: "block" }}>
      {values.map((v, i) => {
        const h = v === 0 ? 1 : Math.max(2, (v / top) * (height - 1));
        return (
          <rect
            key={i}
            x={i * slot}
            y={height - h}
            width={bar}
            height={h}
            rx={0.5}
            fill={v === 0 ? "var(--line-strong)" : "var(--accent)"}
          />
        );
      })}
    </svg>
  );
}
