import { useEffect, useState } from "react";
import { AreaChartCard, BarChartCard, DataTable, Grid, Page, Select, Stat } from "@labd/ui";
import { reportProblem, useQuery } from "@labd/data";
import { Banknote, Receipt, ShoppingCart, Users } from "lucide-react";

interface Summary {
  revenue: number;
  orders: number;
  average: number;
  change: number | null;
  topShare: number;
}

export default function Overview() {
  const [months, setMonths] = useState("12");
  const revenue = useQuery("monthly_revenue", { months: Number(months) });
  const customers = useQuery("top_customers", { count: 50 });
  const [summary, setSummary] = useState<Summary | null>(null);

  useEffect(() => {
    let current = true;
    fetch(`/api/summary?months=${months}`)
      .then((response) => (response.ok ? response.json() : Promise.reject(new Error(`/api/summary answered ${response.status}`))))
      .then((value) => { if (current) setSummary(value); })
      .catch((error) => reportProblem({ kind: "server", message: String(error.message ?? error) }));
    return () => { current = false; };
  }, [months]);

  return (
    <Page
      title="Overview"
      description="What came in, and from whom. Cancelled and refunded orders are left out."
      actions={
        <Select
          aria-label="Period"
          className="w-40"
          value={months}
          onChange={setMonths}
          options={[{ value: "6", label: "Last 6 months" }, { value: "12", label: "Last 12 months" }, { value: "24", label: "Last 24 months" }]}
        />
      }
    >
      <Grid columns={4}>
        <Stat label="Revenue" value={summary?.revenue} format="currency" delta={summary?.change} hint="vs period before" icon={<Banknote />} loading={!summary} />
        <Stat label="Orders" value={summary?.orders} format="integer" icon={<ShoppingCart />} loading={!summary} />
        <Stat label="Average order" value={summary?.average} format="currency" icon={<Receipt />} loading={!summary} />
        <Stat label="Top ten customers" value={summary?.topShare} format="percent" hint="of all revenue" icon={<Users />} loading={!summary} />
      </Grid>
      <div className="grid gap-4 sm:gap-5 xl:grid-cols-[3fr_2fr]">
        <AreaChartCard title="Revenue by month" query={revenue} x="month" y="revenue" format="currency" xFormat="month" />
        <BarChartCard title="Best customers" query={customers} data={customers.data.slice(0, 8)} x="name" y="revenue" format="currency" horizontal />
      </div>
      <DataTable
        title="Customers"
        description="The fifty with the highest revenue."
        query={customers}
        initialSort={{ key: "revenue", direction: "desc" }}
        columns={[
          { key: "name", label: "Customer" },
          "city",
          "country",
          { key: "segment", format: "badge" },
          { key: "orders", format: "integer" },
          { key: "revenue", format: "currency" },
          { key: "last_order", label: "Last order", format: "date" },
        ]}
      />
    </Page>
  );
}
