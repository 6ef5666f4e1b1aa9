/** Finding tables by words that stand in their names, in their columns' names, or in comments. */
import type { RelationSchema } from "../api/types";

/** In the order of the schema, those first that have the words in their own name. */
export function findRelations(relations: RelationSchema[], words: string): RelationSchema[] {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  if (wanted.length === 0) return relations;
  const all = (text: string) => wanted.every((word) => text.toLowerCase().includes(word));
  const byName = relations.filter((relation) => all(`${relation.schema}.${relation.name}`));
  const byRest = relations.filter((relation) => !byName.includes(relation) && all(everything(relation)));
  return [...byName, ...byRest];
}

function everything(relation: RelationSchema): string {
  const columns = relation.columns.flatMap((column) => [column.name, column.comment ?? "", ...(column.enum_values ?? [])]);
  return [relation.schema, relation.name, relation.comment ?? "", ...columns].join(" ");
}
