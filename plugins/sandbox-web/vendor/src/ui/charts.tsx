import { useId, useMemo, type ReactNode } from "react";
import {
  Area, AreaChart, Bar, BarChart, CartesianGrid, Cell, Legend, Line, LineChart, Pie, PieChart,
  ResponsiveContainer, Tooltip, XAxis, YAxis,
} from "recharts";
import { num } from "@labd/data";
import { Card } from "./card";
import { EmptyState, ErrorState, Skeleton } from "./states";
import { formatValue, humanize, type Format, type QueryLike } from "./util";

export interface Series { key: string; label?: string; color?: string }

export interface ChartProps {
  title?: ReactNode;
  description?: ReactNode;
  actions?: ReactNode;
  /** The state of `useQuery`. With `data` too, those rows are shown, and waiting and errors are the query's. */
  query?: QueryLike;
  data?: any[];
  /** The column of the categories or dates. */
  x: string;
  /** The column of the values, or several. */
  y: string | (string | Series)[];
  /** How values are shown. */
  format?: Format;
  /** How categories are shown. */
  xFormat?: Format;
  /** In pixels. */
  height?: number;
  stacked?: boolean;
  className?: string;
}

/** The colour of the n-th series. */
export function chartColor(index: number): string {
  return `var(--color-chart-${(index % 8) + 1})`;
}

function seriesOf(y: ChartProps["y"]): Required<Series>[] {
  return (typeof y === "string" ? [y] : y).map((one, index) => {
    const series = typeof one === "string" ? { key: one } : one;
    return { key: series.key, label: series.label ?? humanize(series.key), color: series.color ?? chartColor(index) };
  });
}

/** Rows with doubles in place of exact text: a chart's pixels need no more. */
function useNumbers(rows: any[], keys: string[]): any[] {
  const wanted = keys.join("\n");
  return useMemo(() => rows.map((row) => {
    const copy = { ...row };
    for (const key of wanted.split("\n")) copy[key] = num(row[key]);
    return copy;
  }), [rows, wanted]);
}

function Frame({ title, description, actions, query, data, height = 280, className, children }: Omit<ChartProps, "x" | "y"> & { children: ReactNode }) {
  const rows = data ?? query?.data ?? [];
  const body = query?.error && !rows.length ? <ErrorState error={query.error} onRetry={query.refresh} className="h-full py-0" />
    : query?.loading && !rows.length ? <Waiting />
    : !rows.length ? <EmptyState title="No data to show" description="The query gave no rows." className="h-full py-0" />
    : children;
  return (
    <Card title={title} description={description} actions={actions} className={className}>
      <div style={{ height }} className="w-full text-xs">{body}</div>
    </Card>
  );
}

function Waiting() {
  return (
    <div className="flex h-full items-end gap-3" aria-label="Loading" role="status">
      {[45, 70, 55, 85, 60, 75, 50, 90].map((share, index) => <div key={index} style={{ height: `${share}%` }} className="flex-1"><Skeleton className="h-full w-full" /></div>)}
    </div>
  );
}

function Tip({ active, payload, label, format, xFormat }: any) {
  if (!active || !payload?.length) return null;
  return (
    <div className="rounded-lg border border-line bg-raised px-3 py-2 text-xs shadow-float">
      <p className="mb-1 font-medium text-ink">{formatValue(label ?? payload[0]?.name, xFormat)}</p>
      {payload.map((one: any) => (
        <p key={one.dataKey ?? one.name} className="flex items-center gap-2 text-muted">
          <span className="size-2 rounded-full" style={{ background: one.payload?.fill && one.dataKey === undefined ? one.payload.fill : one.color }} />
          <span className="mr-3">{one.name}</span>
          <span className="ml-auto font-medium text-ink tabular-nums">{formatValue(one.value, format)}</span>
        </p>
      ))}
    </div>
  );
}

const TICK = { fill: "var(--color-faint)", fontSize: 11 };
const GRID = { stroke: "var(--color-line)", strokeDasharray: "0", vertical: false };
const MARGIN = { top: 8, right: 8, bottom: 0, left: 0 };
const legend = (count: number) => count > 1
  ? <Legend verticalAlign="top" align="right" height={28} iconType="circle" iconSize={8} itemSorter={null} formatter={(text: string) => <span className="text-xs text-muted">{text}</span>} />
  : null;
const xAxis = (key: string, format?: Format) => (
  <XAxis dataKey={key} tick={TICK} tickLine={false} axisLine={false} tickMargin={8} minTickGap={24} tickFormatter={(value) => formatValue(value, format)} />
);
const yAxis = (format?: Format) => (
  <YAxis tick={TICK} tickLine={false} axisLine={false} width="auto" tickMargin={4} tickFormatter={(value) => formatValue(value, format, true)} />
);

/** Values over time as lines. */
export function LineChartCard(props: ChartProps) {
  const series = seriesOf(props.y);
  const rows = useNumbers(props.data ?? props.query?.data ?? [], series.map((one) => one.key));
  return (
    <Frame {...props}>
      <ResponsiveContainer width="100%" height="100%">
        <LineChart data={rows} margin={MARGIN} accessibilityLayer>
          <CartesianGrid {...GRID} />
          {xAxis(props.x, props.xFormat)}{yAxis(props.format)}
          <Tooltip cursor={{ stroke: "var(--color-line-strong)" }} content={<Tip format={props.format} xFormat={props.xFormat} />} />
          {legend(series.length)}
          {series.map((one) => <Line key={one.key} dataKey={one.key} name={one.label} stroke={one.color} strokeWidth={2} type="monotone" dot={false} activeDot={{ r: 4, strokeWidth: 0 }} isAnimationActive={false} connectNulls />)}
        </LineChart>
      </ResponsiveContainer>
    </Frame>
  );
}

/** Values over time as filled areas. */
export function AreaChartCard(props: ChartProps) {
  const id = useId();
  const series = seriesOf(props.y);
  const rows = useNumbers(props.data ?? props.query?.data ?? [], series.map((one) => one.key));
  return (
    <Frame {...props}>
      <ResponsiveContainer width="100%" height="100%">
        <AreaChart data={rows} margin={MARGIN} accessibilityLayer>
          <defs>
            {series.map((one, index) => (
              <linearGradient key={one.key} id={`${id}-${index}`} x1="0" y1="0" x2="0" y2="1">
                <stop offset="0%" stopColor={one.color} stopOpacity={0.28} />
                <stop offset="100%" stopColor={one.color} stopOpacity={0.02} />
              </linearGradient>
            ))}
          </defs>
          <CartesianGrid {...GRID} />
          {xAxis(props.x, props.xFormat)}{yAxis(props.format)}
          <Tooltip cursor={{ stroke: "var(--color-line-strong)" }} content={<Tip format={props.format} xFormat={props.xFormat} />} />
          {legend(series.length)}
          {series.map((one, index) => <Area key={one.key} dataKey={one.key} name={one.label} stackId={props.stacked ? "all" : undefined} stroke={one.color} strokeWidth={2} fill={`url(#${id}-${index})`} type="monotone" activeDot={{ r: 4, strokeWidth: 0 }} isAnimationActive={false} connectNulls />)}
        </AreaChart>
      </ResponsiveContainer>
    </Frame>
  );
}

/** Values by category as bars; `horizontal` suits long names. */
export function BarChartCard({ horizontal, ...props }: ChartProps & { horizontal?: boolean }) {
  const series = seriesOf(props.y);
  const rows = useNumbers(props.data ?? props.query?.data ?? [], series.map((one) => one.key));
  const radius = (last: boolean): [number, number, number, number] => !last ? [0, 0, 0, 0] : horizontal ? [0, 4, 4, 0] : [4, 4, 0, 0];
  return (
    <Frame {...props}>
      <ResponsiveContainer width="100%" height="100%">
        <BarChart data={rows} margin={MARGIN} layout={horizontal ? "vertical" : "horizontal"} accessibilityLayer>
          <CartesianGrid {...GRID} vertical={!!horizontal} horizontal={!horizontal} />
          {horizontal ? (
            <>
              <XAxis type="number" tick={TICK} tickLine={false} axisLine={false} tickFormatter={(value) => formatValue(value, props.format, true)} />
              <YAxis type="category" dataKey={props.x} tick={TICK} tickLine={false} axisLine={false} width="auto" interval={0} tickFormatter={(value) => shorten(formatValue(value, props.xFormat))} />
            </>
          ) : <>{xAxis(props.x, props.xFormat)}{yAxis(props.format)}</>}
          <Tooltip cursor={{ fill: "var(--color-sunken)", opacity: 0.7 }} content={<Tip format={props.format} xFormat={props.xFormat} />} />
          {legend(series.length)}
          {series.map((one, index) => <Bar key={one.key} dataKey={one.key} name={one.label} fill={one.color} stackId={props.stacked ? "all" : undefined} radius={radius(!props.stacked || index === series.length - 1)} maxBarSize={horizontal ? 22 : 40} isAnimationActive={false} />)}
        </BarChart>
      </ResponsiveContainer>
    </Frame>
  );
}

function shorten(text: string): string {
  return text.length > 22 ? `${text.slice(0, 21)}…` : text;
}

/** Shares of a whole. What comes after the seventh largest is one slice. */
export function PieChartCard({ y, x, ...props }: Omit<ChartProps, "y" | "stacked"> & { y: string }) {
  const rows = useNumbers(props.data ?? props.query?.data ?? [], [y]);
  const slices = useMemo(() => {
    const sorted = rows.filter((row) => row[y] > 0).sort((a, b) => b[y] - a[y]);
    const head = sorted.slice(0, sorted.length > 8 ? 7 : 8);
    const rest = sorted.slice(head.length).reduce((sum, row) => sum + row[y], 0);
    const all = head.map((row) => ({ name: formatValue(row[x], props.xFormat), value: row[y] as number }));
    if (rest > 0) all.push({ name: "Other", value: rest });
    return all;
  }, [rows, x, y, props.xFormat]);
  const total = slices.reduce((sum, one) => sum + one.value, 0);
  return (
    <Frame {...props}>
      <div className="flex h-full flex-wrap items-center gap-x-6 gap-y-2">
        <div className="relative h-full min-h-0 min-w-36 flex-1">
          <ResponsiveContainer width="100%" height="100%">
            <PieChart accessibilityLayer>
              <Pie data={slices} dataKey="value" nameKey="name" innerRadius="62%" outerRadius="92%" startAngle={90} endAngle={-270} paddingAngle={1.5} stroke="none" isAnimationActive={false}>
                {slices.map((one, index) => <Cell key={one.name} fill={chartColor(index)} />)}
              </Pie>
              <Tooltip content={<Tip format={props.format} />} />
            </PieChart>
          </ResponsiveContainer>
          <div className="pointer-events-none absolute inset-0 grid place-items-center text-center">
            <div>
              <p className="text-base font-semibold tabular-nums text-ink">{formatValue(total, props.format, true)}</p>
              <p className="text-xs text-faint">Total</p>
            </div>
          </div>
        </div>
        <ul className="min-w-36 flex-1 space-y-1.5">
          {slices.map((one, index) => (
            <li key={one.name} className="flex items-center gap-2 text-xs">
              <span className="size-2 shrink-0 rounded-full" style={{ background: chartColor(index) }} />
              <span className="min-w-0 flex-1 truncate text-muted">{one.name}</span>
              <span className="font-medium text-ink tabular-nums">{formatValue(total ? one.value / total : 0, "percent")}</span>
            </li>
          ))}
        </ul>
      </div>
    </Frame>
  );
}
