/** A sentence in which `commands` stand between backticks. */
export function Hint({ text }: { text: string }) {
  return text.split(/`([^`]+)`/).map((piece, index) =>
    index % 2 === 1 ? (
      <code key={index} className="rounded bg-ink/8 px-1 py-px font-mono text-[0.92em]">
        {piece}
      </code>
    ) : (
      piece
    ),
  );
}
