/** Splits prose into blocks, line by line; also prose whose end has not arrived yet. */

export type Block =
  | { kind: "paragraph"; text: string }
  | { kind: "heading"; text: string }
  | { kind: "code"; text: string }
  | { kind: "list"; ordered: boolean; items: string[] };

export function parseBlocks(text: string): Block[] {
  const blocks: Block[] = [];
  let code: string[] | undefined;
  let open = false;
  for (const line of text.split("\n")) {
    if (/^\s*```/.test(line)) {
      if (code) blocks.push({ kind: "code", text: code.join("\n") });
      code = code ? undefined : [];
      open = false;
      continue;
    }
    if (code) {
      code.push(line);
      continue;
    }
    const heading = /^#{1,6}\s+(.*)$/.exec(line);
    const item = /^\s*(?:([-*•])|(\d+)[.)])\s+(.*)$/.exec(line);
    const last = blocks.at(-1);
    if (!line.trim()) {
      open = false;
    } else if (heading) {
      blocks.push({ kind: "heading", text: heading[1] ?? "" });
      open = false;
    } else if (item) {
      const ordered = item[2] !== undefined;
      if (last?.kind === "list" && last.ordered === ordered) last.items.push(item[3] ?? "");
      else blocks.push({ kind: "list", ordered, items: [item[3] ?? ""] });
      open = true;
    } else if (open && last?.kind === "paragraph") {
      last.text += `\n${line}`;
    } else if (open && last?.kind === "list") {
      last.items.push(`${last.items.pop() ?? ""} ${line.trim()}`);
    } else {
      blocks.push({ kind: "paragraph", text: line });
      open = true;
    }
  }
  if (code && code.length > 0) blocks.push({ kind: "code", text: code.join("\n") });
  return blocks;
}
