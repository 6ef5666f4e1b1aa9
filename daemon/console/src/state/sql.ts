/** What can be seen in a statement without understanding it. */

/** The names of its parameters (`:name`), in order; strings, comments and casts (`::`) hold none. */
export function parameters(text: string): string[] {
  const token = /'(?:[^']|'')*'|"(?:[^"]|"")*"|\$(\w*)\$[^]*?\$\1\$|--[^\n]*|\/\*[^]*?\*\/|::|:([A-Za-z_]\w*)/g;
  const names = new Set<string>();
  for (const match of text.matchAll(token)) {
    if (match[2]) names.add(match[2]);
  }
  return [...names];
}

/** Line and column, from 1, of a place that is counted in characters from 1. */
export function placeOf(text: string, position: number): { line: number; column: number } {
  const before = [...text].slice(0, position - 1);
  const lastBreak = before.lastIndexOf("\n");
  return {
    line: before.filter((character) => character === "\n").length + 1,
    column: before.length - lastBreak,
  };
}

/** A sentence that ends in statements (`Run this: GRANT …; GRANT …;`), taken apart; else nothing. */
export function statementsIn(text: string): { lead: string; statements: string[] } | undefined {
  const [, lead, all] = /^([^:]*:)\s+((?:CREATE|GRANT|REVOKE|ALTER)\b[^]*;)$/.exec(text.trim()) ?? [];
  return lead && all ? { lead, statements: all.split(/(?<=;)\s+/) } : undefined;
}

/** Some rows of a table, whatever it is called. */
export function firstRows(schema: string, table: string, most: number): string {
  const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`;
  return `SELECT * FROM ${quoted(schema)}.${quoted(table)} LIMIT ${most}`;
}

/** A value as it stands: nothing rounded, nothing translated. */
export function cellText(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
