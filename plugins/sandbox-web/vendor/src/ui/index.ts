/** `@labd/ui`: the building blocks of generated apps. */
export { AppShell, Page, Grid, type AppShellProps, type PageEntry, type PageProps } from "./shell";
export { Card, Stat, Badge, type CardProps, type StatProps, type Tone } from "./card";
export { LineChartCard, AreaChartCard, BarChartCard, PieChartCard, chartColor, type ChartProps, type Series } from "./charts";
export { DataTable, type DataTableProps, type TableColumn } from "./table";
export { Button, type ButtonProps } from "./button";
export { Form, Field, Input, Textarea, Select, Checkbox, DateRange, type FormProps, type SelectProps, type DateRangeValue } from "./form";
export { Dialog, Tabs, type DialogProps, type Tab } from "./dialog";
export { toast, ToastRegion } from "./toast";
export { EmptyState, ErrorState, Skeleton, type EmptyStateProps } from "./states";
export { ThemeToggle } from "./theme";
export { Link, navigate, useRoute, useParams } from "./route";
export { toCsv, downloadCsv } from "./csv";
export { cx, humanize, formatValue, type Format } from "./util";
