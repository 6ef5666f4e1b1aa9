/**
 * The prose of an answer. A small part of Markdown becomes elements (paragraphs, headings, lists,
 * fences, `code`, **strong**); everything else stays text. Nothing is ever read as HTML, and links
 * stay text, since what a model writes is not to be clicked unread.
 */
import { Fragment, type ReactNode } from "react";
import { type Block, parseBlocks } from "../state/prose";

export function Prose({ text }: { text: string }) {
  return (
    <div className="space-y-2 leading-relaxed break-words">
      {parseBlocks(text).map((block, index) => (
        <Fragment key={index}>{draw(block)}</Fragment>
      ))}
    </div>
  );
}

function draw(block: Block): ReactNode {
  switch (block.kind) {
    case "heading":
      return <p className="pt-1 font-semibold">{inline(block.text)}</p>;
    case "code":
      return (
        <pre className="scroll-thin overflow-x-auto rounded-md bg-sunken px-3 py-2 font-mono text-xs">{block.text}</pre>
      );
    case "list": {
      const items = block.items.map((item, index) => <li key={index}>{inline(item)}</li>);
      return block.ordered ? (
        <ol className="list-decimal space-y-1 pl-5 marker:text-faint">{items}</ol>
      ) : (
        <ul className="list-disc space-y-1 pl-5 marker:text-faint">{items}</ul>
      );
    }
    case "paragraph":
      return <p className="whitespace-pre-line">{inline(block.text)}</p>;
  }
}

function inline(text: string): ReactNode {
  return text.split(/(`[^`\n]+`|\*\*[^*\n]+\*\*)/).map((piece, index) => {
    if (index % 2 === 0) return piece;
    return piece.startsWith("`") ? (
      <code key={index} className="rounded bg-sunken px-1 py-px font-mono text-[0.9em]">
        {piece.slice(1, -1)}
      </code>
    ) : (
      <strong key={index} className="font-semibold">
        {piece.slice(2, -2)}
      </strong>
    );
  });
}
