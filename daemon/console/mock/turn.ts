/** A turn that plays itself: what a provider would answer, event by event. */
import type { TurnEvent } from "../src/api/types";

const APP = `import { Card, DataTable, LineChart, Page } from "@labd/ui";
import { useQuery } from "@labd/data";

export default function Overview() {
  const months = useQuery("revenue_by_month");
  const top = useQuery("top_customers", { count: 10 });
  return (
    <Page title="Sales overview">
      <Card title="Revenue by month">
        <LineChart data={months} x="month" y="revenue" />
      </Card>
      <DataTable title="Top customers" data={top} search />
    </Page>
  );
}
`;

const QUERY = `-- Revenue of each month.
-- @effect read
-- @cache 30s
select date(ordered_at, 'start of month') as month, sum(total) as revenue
from orders
group by 1
order by 1
`;

export const CONTENT: Record<string, string> = {
  "app.json": '{\n  "name": "Sales overview",\n  "pages": ["/"]\n}\n',
  "src/pages/overview.tsx": APP,
  "queries/revenue_by_month.sql": QUERY,
  "src/main.tsx": 'import { createRoot } from "react-dom/client";\n',
  "src/styles.css": ".chart {\n  height: 18rem;\n}\n",
};

/** The events of a turn, with the milliseconds to wait before each. */
export function script(text: string, snapshot: string, draft: boolean): { wait: number; event: TurnEvent }[] {
  const events: { wait: number; event: TurnEvent }[] = [];
  const say = (wait: number, event: TurnEvent) => events.push({ wait, event });
  const pieces = (whole: string, size: number) => whole.match(new RegExp(`[^]{1,${size}}`, "g")) ?? [];
  const write = (path: string, content: string) => {
    say(60, { type: "file_started", path, action: path.endsWith(".css") ? "edit" : "write" });
    for (const piece of pieces(content, 40)) say(25, { type: "file_text", path, text: piece });
    say(10, { type: "file_finished", path, size: content.length });
  };
  say(0, { type: "started", text, provider: "Offline templates", model: "templates" });
  const prose = `I'll build this from \`orders\` and \`customers\`:\n\n- **Revenue by month** as a line chart, from \`orders.total\`\n- the **top ten customers** in a table that can be sorted and searched\n\nBoth read the database each time the page opens.`;
  for (const piece of pieces(prose, 12)) say(30, { type: "text", text: piece });
  write("queries/revenue_by_month.sql", QUERY);
  write("src/pages/overview.tsx", APP);
  write("src/styles.css", CONTENT["src/styles.css"] ?? "");
  say(20, { type: "candidate", revision: "r1" });
  for (const name of ["compile", "queries", "server"]) say(80, { type: "check", name, state: "running" });
  say(200, { type: "check", name: "compile", state: "passed" });
  say(200, { type: "check", name: "queries", state: draft ? "failed" : "passed" });
  say(60, { type: "check", name: "server", state: "passed" });
  if (draft) {
    say(10, { type: "problems", problems: [{ source: "query", severity: "error", code: "query-failed", message: "There is no column orders.totals.", path: "queries/revenue_by_month.sql", line: 4, column: 45, hint: "Perhaps `total` is meant." }] });
    say(10, { type: "draft", id: snapshot, reason: "The database refuses one of its queries." });
  } else {
    say(40, { type: "snapshot", id: snapshot, message: "Revenue by month and the top ten customers", changed: Object.keys(CONTENT) });
  }
  say(10, { type: "usage", usage: { input: 3120, cached_input: 2048, output: 912, reasoning: null } });
  say(10, draft ? { type: "finished", state: "failed" } : { type: "finished", state: "done" });
  return events;
}
