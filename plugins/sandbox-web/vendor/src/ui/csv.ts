/** A cell of a CSV file (RFC 4180). A text that a spreadsheet would run as a formula is disarmed. */
export function csvCell(value: unknown): string {
  if (value === null || value === undefined) return "";
  let text = typeof value === "object" ? JSON.stringify(value) : String(value);
  if (typeof value === "string" && /^[=+\-@\t\r]/.test(text) && !/^[+-]?\d+(\.\d+)?$/.test(text)) text = `'${text}`;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** All rows as CSV, with the exact values rather than their shown form. */
export function toCsv(columns: { key: string; label?: string }[], rows: Record<string, any>[]): string {
  const lines = [columns.map((column) => csvCell(column.label ?? column.key)).join(",")];
  for (const row of rows) lines.push(columns.map((column) => csvCell(row[column.key])).join(","));
  return `${lines.join("\r\n")}\r\n`;
}

export function downloadCsv(name: string, columns: { key: string; label?: string }[], rows: Record<string, any>[]): void {
  const file = name.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-|-$/g, "") || "export";
  // The mark at the start tells spreadsheets that it is UTF-8.
  const url = URL.createObjectURL(new Blob(["\ufeff", toCsv(columns, rows)], { type: "text/csv;charset=utf-8" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = `${file}.csv`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
