/** CodeMirror, loaded only where a file or a query is opened. */
import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { bracketMatching, indentOnInput } from "@codemirror/language";
import { highlightSelectionMatches, searchKeymap } from "@codemirror/search";
import { Compartment, EditorState, type Extension } from "@codemirror/state";
import { drawSelection, EditorView, highlightActiveLine, highlightActiveLineGutter, keymap, lineNumbers, placeholder } from "@codemirror/view";
import { useEffect, useRef, useState } from "react";
import { languageOf } from "./languages";
import { editorTheme } from "./theme";

export interface EditorProps {
  /** Says the language by its ending. */
  path: string;
  /** The text at first. Another text later replaces what is there. */
  value: string;
  label: string;
  readOnly?: boolean;
  /** Goes there when it changes, from 1. */
  line?: number | undefined;
  hint?: string;
  /** Instead of the language of `path`. */
  language?: Extension;
  onChange?: (text: string) => void;
  /** Ctrl+S, or Cmd+S. */
  onSave?: () => void;
  /** Ctrl+Enter, or Cmd+Enter. */
  onRun?: () => void;
}

export default function Editor(props: EditorProps) {
  const { path, value, label, readOnly = false, line, hint, language } = props;
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(undefined);
  const [languages] = useState(() => new Compartment());
  const latest = useRef(props);
  latest.current = props;

  useEffect(() => {
    if (!host.current) return;
    const key = (name: string, run: () => void) => ({
      key: name,
      preventDefault: true,
      run: () => {
        run();
        return true;
      },
    });
    const editor = new EditorView({
      parent: host.current,
      state: EditorState.create({
        doc: latest.current.value,
        extensions: [
          keymap.of([
            ...(latest.current.onSave ? [key("Mod-s", () => latest.current.onSave?.())] : []),
            ...(latest.current.onRun ? [key("Mod-Enter", () => latest.current.onRun?.())] : []),
          ]),
          lineNumbers(),
          highlightActiveLine(),
          highlightActiveLineGutter(),
          highlightSelectionMatches(),
          history(),
          drawSelection(),
          indentOnInput(),
          bracketMatching(),
          closeBrackets(),
          autocompletion(),
          EditorView.lineWrapping,
          EditorView.contentAttributes.of({
            "aria-label": label,
            "aria-description": "Escape and then Tab leaves the editor.",
          }),
          EditorState.readOnly.of(readOnly),
          EditorState.tabSize.of(2),
          hint ? placeholder(hint) : [],
          keymap.of([
            ...closeBracketsKeymap,
            ...searchKeymap,
            ...historyKeymap,
            ...completionKeymap,
            ...(readOnly ? [] : [indentWithTab]),
            ...defaultKeymap,
          ]),
          languages.of(latest.current.language ?? languageOf(path)),
          editorTheme,
          EditorView.updateListener.of((update) => {
            if (update.docChanged) latest.current.onChange?.(update.state.doc.toString());
          }),
        ],
      }),
    });
    view.current = editor;
    return () => {
      editor.destroy();
      view.current = undefined;
    };
  }, [path, label, readOnly, hint, languages]);

  // A schema may be read again while somebody types: the text, its past and the cursor stay.
  useEffect(() => {
    view.current?.dispatch({ effects: languages.reconfigure(language ?? languageOf(path)) });
  }, [language, path, languages]);

  useEffect(() => {
    const editor = view.current;
    if (!editor || editor.state.doc.toString() === value) return;
    editor.dispatch({ changes: { from: 0, to: editor.state.doc.length, insert: value } });
  }, [value]);

  useEffect(() => {
    const editor = view.current;
    if (!editor || line === undefined) return;
    const at = editor.state.doc.line(Math.min(Math.max(line, 1), editor.state.doc.lines));
    editor.dispatch({
      selection: { anchor: at.from },
      effects: EditorView.scrollIntoView(at.from, { y: "center" }),
    });
    editor.focus();
  }, [line, path]);

  return <div ref={host} className="h-full min-h-0" />;
}
