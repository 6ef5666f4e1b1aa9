import { Database, Plus } from "lucide-react";
import * as labd from "../../api/labd";
import type { SourceInfo } from "../../api/types";
import { Link } from "../../components/link";
import { Page } from "../../components/shell";
import { Badge, Empty, Skeleton } from "../../components/ui/bits";
import { Button } from "../../components/ui/button";
import { ErrorNote } from "../../components/ui/error-note";
import { plural } from "../../state/format";
import { useResource } from "../../state/resources";
import { navigate } from "../../state/router";
import { TestBadge } from "./test-result";

export function SourceList() {
  const sources = useResource("sources", labd.sources);
  const add = (
    <Button look="primary" icon={<Plus />} onClick={() => navigate("/sources/new")}>
      Connect a source
    </Button>
  );
  return (
    <Page
      title="Data sources"
      about="Databases that your apps read. Credentials are sealed by labd and never leave it."
      actions={sources.data?.length ? add : undefined}
    >
      {sources.error && <ErrorNote error={sources.error} retry={sources.reload} />}
      {!sources.data && sources.loading && <Skeleton />}
      {sources.data?.length === 0 && (
        <div className="rounded-xl border border-dashed border-line-strong">
          <Empty icon={<Database />} title="Connect your first database" action={add}>
            Give its connection URL. labd tests it, reads its schema, and only ever reads from it.
          </Empty>
        </div>
      )}
      {sources.data && sources.data.length > 0 && (
        <ul className="divide-y divide-line rounded-xl border border-line bg-surface">
          {sources.data.map((source) => (
            <Row key={source.id} source={source} />
          ))}
        </ul>
      )}
    </Page>
  );
}

function Row({ source }: { source: SourceInfo }) {
  return (
    <li className="relative flex flex-wrap items-center gap-x-4 gap-y-1.5 px-4 py-3 first:rounded-t-xl last:rounded-b-xl hover:bg-hover/50">
      <div className="min-w-0 flex-1 basis-60">
        <p className="flex min-w-0 items-center gap-2">
          <Link
            href={`/sources/${source.id}`}
            className="truncate font-medium after:absolute after:inset-0 focus-visible:outline-none focus-visible:after:outline-2 focus-visible:after:-outline-offset-2 focus-visible:after:outline-accent"
          >
            {source.name}
          </Link>
          {source.sample && <Badge>Sample</Badge>}
        </p>
        <p className="mt-0.5 truncate text-xs text-faint">
          {source.connector} · <span className="font-mono">{source.user ? `${source.user}@` : ""}{source.location}</span>
        </p>
      </div>
      <span className="text-xs text-faint">{plural(source.projects.length, "project")}</span>
      <TestBadge test={source.last_test} />
    </li>
  );
}
