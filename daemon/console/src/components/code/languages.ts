import { css } from "@codemirror/lang-css";
import { html } from "@codemirror/lang-html";
import { javascript } from "@codemirror/lang-javascript";
import { json } from "@codemirror/lang-json";
import { PostgreSQL, type SQLNamespace, SQLite, sql } from "@codemirror/lang-sql";
import type { Extension } from "@codemirror/state";

/** The language of a file, by the end of its name. */
export function languageOf(path: string): Extension {
  const ending = path.slice(path.lastIndexOf(".") + 1).toLowerCase();
  switch (ending) {
    case "tsx":
      return javascript({ jsx: true, typescript: true });
    case "ts":
      return javascript({ typescript: true });
    case "jsx":
    case "js":
    case "mjs":
      return javascript({ jsx: true });
    case "json":
      return json();
    case "css":
      return css();
    case "html":
    case "svg":
      return html();
    case "sql":
      return sql({ dialect: PostgreSQL });
    default:
      return [];
  }
}

/** SQL with the names of a source's tables and columns to choose from. */
export function sqlWith(dialect: string, schema: SQLNamespace, defaultSchema: string): Extension {
  return sql({ dialect: dialect === "sqlite" ? SQLite : PostgreSQL, schema, defaultSchema });
}
