import { AppShell, Badge, DataTable, Page } from "@labd/ui";
import { useQuery } from "@labd/data";
import { LayoutDashboard, PackageSearch, Store } from "lucide-react";
import Overview from "./pages/Overview";

export default function App() {
  return (
    <AppShell
      title="Shop dashboard"
      subtitle="Sales and stock"
      icon={<Store />}
      pages={[
        { path: "/", label: "Overview", icon: <LayoutDashboard />, element: <Overview /> },
        { path: "/stock", label: "Low stock", icon: <PackageSearch />, element: <LowStock /> },
      ]}
    />
  );
}

function LowStock() {
  const products = useQuery("low_stock", {}, { refresh: "60s" });
  return (
    <Page title="Low stock" description="Products at or below their reorder level, the most urgent first.">
      <DataTable
        title="Products to reorder"
        query={products}
        columns={[
          "sku",
          { key: "name", label: "Product" },
          "category",
          "location",
          { key: "on_hand", label: "On hand", render: (value) => <Badge tone={value === 0 ? "bad" : "warn"}>{value}</Badge> },
          { key: "reorder_level", label: "Reorder at" },
          { key: "missing", label: "Missing" },
        ]}
        emptyTitle="Everything is in stock"
        emptyDescription="No product is at or below its reorder level."
      />
    </Page>
  );
}
