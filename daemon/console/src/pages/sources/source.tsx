import { ArrowLeft, PlugZap, Plus } from "lucide-react";
import { lazy, Suspense, useState } from "react";
import * as labd from "../../api/labd";
import type { SourceInfo, SourceTest } from "../../api/types";
import { Link } from "../../components/link";
import { NewProject } from "../../components/project-dialogs";
import { Page } from "../../components/shell";
import { Badge, Skeleton, Spinner } from "../../components/ui/bits";
import { Button } from "../../components/ui/button";
import { ErrorNote } from "../../components/ui/error-note";
import { TabPanel, Tabs } from "../../components/ui/tabs";
import { invalidate, useResource } from "../../state/resources";
import { useQueryValue } from "../../state/router";
import { toastError } from "../../state/toasts";
import { SchemaBrowser } from "./schema-browser";
import { SourceSettings } from "./source-settings";
import { TestBadge, TestResult } from "./test-result";

const QueryRunner = lazy(() => import("./query-runner"));

const TABS = [
  { id: "schema", label: "Schema" },
  { id: "query", label: "Query" },
  { id: "settings", label: "Settings" },
];

export function SourcePage({ id }: { id: string }) {
  const source = useResource(`source/${id}`, () => labd.source(id));
  const back = (
    <Link href="/sources" className="inline-flex items-center gap-1 text-sm text-soft hover:text-ink hover:underline">
      <ArrowLeft className="size-3.5" aria-hidden /> All sources
    </Link>
  );
  if (source.data && source.error?.code !== "not_found") return <Source source={source.data} back={back} />;
  return (
    <Page title="Data source" about={back}>
      {source.error ? <ErrorNote error={source.error} retry={source.reload} /> : <Skeleton />}
    </Page>
  );
}

function Source({ source, back }: { source: SourceInfo; back: React.ReactNode }) {
  const [chosen, setTab] = useQueryValue("tab");
  const tab = TABS.some((each) => each.id === chosen) && chosen ? chosen : "schema";
  const [test, setTest] = useState<SourceTest>();
  const [testing, setTesting] = useState(false);
  const [building, setBuilding] = useState(false);
  const run = async () => {
    setTesting(true);
    try {
      setTest(await labd.sourceTest(source.id));
      invalidate("sources");
      invalidate(`source/${source.id}`);
    } catch (failure) {
      toastError(failure);
    } finally {
      setTesting(false);
    }
  };
  return (
    <Page
      title={source.name}
      about={
        <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
          {back}
          <span className="text-xs text-faint">
            {source.connector} · <span className="font-mono break-all">{source.user ? `${source.user}@` : ""}{source.location}</span>
          </span>
          <TestBadge test={source.last_test} />
          {source.sample && <Badge>Sample</Badge>}
        </div>
      }
      actions={
        <>
          <Button icon={<PlugZap />} busy={testing} onClick={() => void run()}>
            Test
          </Button>
          <Button look="primary" icon={<Plus />} onClick={() => setBuilding(true)}>
            New project on it
          </Button>
        </>
      }
    >
      {test && <TestResult test={test} />}
      <Tabs label="Data source" value={tab} onChange={setTab} tabs={TABS}>
        <TabPanel value="schema" className="pt-4">
          <SchemaBrowser source={source} />
        </TabPanel>
        <TabPanel value="query" className="pt-4">
          <Suspense fallback={<Spinner label="Opening the editor" />}>
            <QueryRunner source={source} />
          </Suspense>
        </TabPanel>
        <TabPanel value="settings" className="pt-4">
          <SourceSettings source={source} />
        </TabPanel>
      </Tabs>
      {building && <NewProject onClose={() => setBuilding(false)} source={source.id} />}
    </Page>
  );
}
