// Query files: comment lines with the contract, then one statement with :name for each parameter.

/** What a query file declares. */
export function parse(source) {
  const lines = source.replace(/^\ufeff/, "").split("\n");
  const contract = { effect: "read", parameters: [], text: "" };
  let at = 0;
  for (; at < lines.length; at++) {
    const line = lines[at].trim();
    if (line && !line.startsWith("--")) break;
    const [, word, rest] = /^--\s*@(\w+)\s+(.*)$/.exec(line) ?? [];
    if (word === "effect") contract.effect = rest.trim();
    if (word === "param") {
      const [name, type = "text"] = rest.trim().split(/\s+/);
      contract.parameters.push({ name, type: type.replace(/\?$/, ""), required: !type.endsWith("?") });
    }
  }
  contract.text = lines.slice(at).join("\n").trim().replace(/;\s*$/, "");
  return contract;
}

/** The statement in pieces: text, and names of parameters. Quotes, comments and casts are text. */
export function pieces(text) {
  const pattern = /'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`|--[^\n]*|\/\*[\s\S]*?\*\/|\$(\w*)\$[\s\S]*?\$\1\$|::|:([A-Za-z_]\w*)/g;
  const found = [];
  let from = 0;
  for (const hit of text.matchAll(pattern)) {
    if (hit[2] === undefined) continue;
    found.push({ text: text.slice(from, hit.index) }, { name: hit[2] });
    from = hit.index + hit[0].length;
  }
  found.push({ text: text.slice(from) });
  return found;
}
