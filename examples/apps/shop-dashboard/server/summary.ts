interface Month { month: string; orders: number; revenue: number | string }

/** The figures at the top of the overview: `GET /api/summary?months=12`. */
export async function GET(request: Request, ctx: { query: (name: string, params?: object) => Promise<{ rows: any[] }> }) {
  const months = Number(new URL(request.url).searchParams.get("months") ?? 12);
  if (!Number.isInteger(months) || months < 1 || months > 60) {
    return Response.json({ message: "`months` is a whole number from 1 to 60." }, { status: 400 });
  }
  const { rows } = await ctx.query("monthly_revenue", { months: months * 2 });
  const all = rows as Month[];
  const now = all.slice(-months), before = all.slice(0, -months);
  const sum = (list: Month[]) => list.reduce((total, one) => total + Number(one.revenue), 0);
  const revenue = sum(now);
  const orders = now.reduce((total, one) => total + one.orders, 0);

  const top = await ctx.query("top_customers", { count: 10 });
  const everything = await ctx.query("monthly_revenue", { months: 1000 });
  const topRevenue = top.rows.reduce((total, row) => total + Number(row.revenue), 0);

  return {
    revenue,
    orders,
    average: orders ? revenue / orders : 0,
    // Without as many months before, there is nothing to compare with.
    change: before.length === months ? revenue / sum(before) - 1 : null,
    topShare: topRevenue / sum(everything.rows as Month[]),
  };
}
