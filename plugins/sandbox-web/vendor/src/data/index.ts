/** `@labd/data`: the named queries of an app, in the browser. */
export { useQuery, useMutation, type QueryOptions, type QueryState, type MutationState } from "./hooks";
export { query, mutate, invalidate, reportProblem, QueryError, type Params } from "./client";
export { num, compareExact, type Numeric } from "./exact";
export { formatNumber, formatCurrency, formatPercent, formatDate, toDate, NOTHING, type NumberStyle, type DateStyle } from "./format";
export type { Column, ColumnKind, Result, Row } from "./wire";
