import { KeyRound, RotateCw, Search, Table2, View } from "lucide-react";
import { useState } from "react";
import * as labd from "../../api/labd";
import type { RelationSchema, SourceInfo } from "../../api/types";
import { Badge, Empty, Panel, Skeleton } from "../../components/ui/bits";
import { IconButton } from "../../components/ui/button";
import { cx } from "../../components/ui/cx";
import { ErrorNote } from "../../components/ui/error-note";
import { INPUT } from "../../components/ui/field";
import { Ago } from "../../components/ui/time";
import { count, plural } from "../../state/format";
import { remember, useResource } from "../../state/resources";
import { useQueryValue } from "../../state/router";
import { findRelations } from "../../state/schema-search";
import { toastError } from "../../state/toasts";
import { Relation } from "./relation";

export function SchemaBrowser({ source }: { source: SourceInfo }) {
  const key = `source/${source.id}/schema`;
  const schema = useResource(key, () => labd.sourceSchema(source.id));
  const [words, setWords] = useState("");
  const [chosen, setChosen] = useQueryValue("table");
  const [reading, setReading] = useState(false);
  const refresh = async () => {
    setReading(true);
    try {
      remember(key, await labd.sourceSchema(source.id, true));
    } catch (failure) {
      toastError(failure);
    } finally {
      setReading(false);
    }
  };
  if (!schema.data) {
    return schema.error ? <ErrorNote error={schema.error} retry={schema.reload} /> : <Skeleton rows={5} />;
  }
  const { relations, default_schema, read_at } = schema.data;
  const found = findRelations(relations, words);
  const selected = relations.find((relation) => nameOf(relation) === chosen) ?? found[0];
  if (relations.length === 0) {
    return (
      <Empty icon={<Table2 />} title="No tables in sight">
        The role of this source may see no table and no view. Grant it USAGE on a schema and SELECT on tables.
      </Empty>
    );
  }
  return (
    <div className="grid gap-4 md:grid-cols-[15rem_1fr]">
      <div className="space-y-2">
        <div className="flex gap-1">
          <label className="relative flex-1">
            <span className="sr-only">Search tables and columns</span>
            <Search className="absolute top-2 left-2.5 size-4 text-faint" aria-hidden />
            <input
              type="search"
              value={words}
              placeholder="Tables and columns"
              onChange={(event) => setWords(event.target.value)}
              className={cx(INPUT, "h-8 pl-8")}
            />
          </label>
          <IconButton label="Read the schema anew" disabled={reading} onClick={() => void refresh()}>
            <RotateCw className={cx(reading && "animate-spin")} />
          </IconButton>
        </div>
        <p className="text-xs text-faint" role="status">
          {words ? `${count(found.length)} of ` : ""}
          {plural(relations.length, "table or view", "tables and views")}, read <Ago at={read_at} />
        </p>
        <ul className="scroll-thin max-h-72 overflow-y-auto md:max-h-[60vh]" aria-label="Tables and views">
          {found.map((relation) => (
            <Entry
              key={nameOf(relation)}
              relation={relation}
              qualified={relation.schema !== default_schema}
              current={relation === selected}
              onOpen={() => setChosen(nameOf(relation))}
            />
          ))}
        </ul>
      </div>
      <Panel className="min-w-0">
        {selected ? (
          <Relation key={nameOf(selected)} source={source.id} relation={selected} words={words} onOpen={(schemaName, table) => setChosen(`${schemaName}.${table}`)} />
        ) : (
          <Empty icon={<Search />} title="Nothing is called that">
            Neither a table nor a column, nor is it in a comment.
          </Empty>
        )}
      </Panel>
    </div>
  );
}

const nameOf = (relation: RelationSchema) => `${relation.schema}.${relation.name}`;

interface EntryProps {
  relation: RelationSchema;
  qualified: boolean;
  current: boolean;
  onOpen: () => void;
}

function Entry({ relation, qualified, current, onOpen }: EntryProps) {
  const Icon = relation.kind === "view" || relation.kind === "materialized_view" ? View : Table2;
  return (
    <li>
      <button
        type="button"
        aria-current={current ? "true" : undefined}
        onClick={onOpen}
        className={cx(
          "flex h-8 w-full items-center gap-2 rounded-md px-2 text-left text-sm -outline-offset-2",
          current ? "bg-accent-soft font-medium" : "text-soft hover:bg-hover hover:text-ink",
        )}
      >
        <Icon className="size-4 shrink-0 text-faint" aria-hidden />
        <span className="min-w-0 flex-1 truncate">
          {qualified && <span className="text-faint">{relation.schema}.</span>}
          {relation.name}
        </span>
        {relation.row_estimate !== null && (
          <span className="text-2xs text-faint tabular-nums">{count(relation.row_estimate)}</span>
        )}
      </button>
    </li>
  );
}

export function KeyBadge({ unique }: { unique?: boolean }) {
  return (
    <Badge tone="accent">
      <KeyRound aria-hidden />
      {unique ? "Unique" : "Key"}
    </Badge>
  );
}
