/** The editor in the console's colours; `light-dark()` turns them with the page. */
import { HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import type { Extension } from "@codemirror/state";
import { EditorView } from "@codemirror/view";
import { tags as t } from "@lezer/highlight";

const chrome = EditorView.theme({
  "&": { height: "100%", backgroundColor: "var(--color-surface)", color: "var(--color-ink)", fontSize: "12.5px" },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": { fontFamily: "var(--font-mono)", lineHeight: "1.6", scrollbarWidth: "thin" },
  ".cm-content": { caretColor: "var(--color-accent)", padding: "8px 0" },
  ".cm-cursor": { borderLeftColor: "var(--color-accent)", borderLeftWidth: "2px" },
  ".cm-gutters": {
    backgroundColor: "var(--color-surface)",
    color: "var(--color-faint)",
    borderRight: "1px solid var(--color-line)",
  },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "light-dark(rgb(15 118 110 / 0.06), rgb(45 212 191 / 0.06))" },
  ".cm-selectionBackground, &.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground": {
    backgroundColor: "light-dark(rgb(15 118 110 / 0.18), rgb(45 212 191 / 0.2))",
  },
  ".cm-selectionMatch": { backgroundColor: "light-dark(rgb(150 83 10 / 0.14), rgb(251 191 36 / 0.16))" },
  ".cm-panels": { backgroundColor: "var(--color-raised)", color: "var(--color-ink)", borderColor: "var(--color-line)" },
  ".cm-panels input, .cm-panels button": { borderRadius: "4px", backgroundImage: "none" },
  ".cm-textfield": { backgroundColor: "var(--color-surface)", border: "1px solid var(--color-line-strong)" },
  ".cm-button": { backgroundColor: "var(--color-hover)", border: "1px solid var(--color-line-strong)" },
  ".cm-placeholder": { color: "var(--color-faint)" },
  ".cm-tooltip": {
    backgroundColor: "var(--color-raised)",
    border: "1px solid var(--color-line)",
    borderRadius: "8px",
    boxShadow: "var(--shadow-pop)",
    overflow: "hidden",
  },
  ".cm-tooltip-autocomplete > ul > li[aria-selected]": { backgroundColor: "var(--color-hover)", color: "var(--color-ink)" },
});

const highlight = HighlightStyle.define([
  { tag: [t.keyword, t.modifier, t.operatorKeyword], color: "light-dark(#9d174d, #f0a3c4)" },
  { tag: [t.string, t.special(t.string), t.regexp], color: "light-dark(#2f6f14, #a3d977)" },
  { tag: [t.number, t.bool, t.null, t.atom], color: "light-dark(#9a4b00, #f5b971)" },
  { tag: [t.comment, t.meta], color: "var(--color-faint)", fontStyle: "italic" },
  { tag: [t.function(t.variableName), t.function(t.propertyName)], color: "light-dark(#1d4ed8, #93b8ff)" },
  { tag: [t.typeName, t.className, t.tagName, t.angleBracket], color: "light-dark(#0f6f68, #5ad4c5)" },
  { tag: [t.propertyName, t.attributeName], color: "light-dark(#6d28a8, #cfb3ff)" },
  { tag: t.invalid, color: "var(--color-danger)" },
]);

export const editorTheme: Extension = [chrome, syntaxHighlighting(highlight)];
