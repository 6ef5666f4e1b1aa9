import { Save, Trash2 } from "lucide-react";
import { type ReactNode, useEffect, useState } from "react";
import { type ApiError, errorFromFailure } from "../../api/errors";
import * as labd from "../../api/labd";
import type { FileContent, Project } from "../../api/types";
import Editor from "../../components/code/editor";
import { Spinner } from "../../components/ui/bits";
import { Button, IconButton } from "../../components/ui/button";
import { Confirm } from "../../components/ui/confirm";
import { ErrorNote } from "../../components/ui/error-note";
import { draftKey, draftOf, setDraft } from "../../state/drafts";
import { plural } from "../../state/format";
import { invalidate, useResource } from "../../state/resources";
import { toast } from "../../state/toasts";
import { Conflict } from "./conflict";
import { ProblemList } from "./problem-list";

interface FileEditorProps {
  project: Project;
  path: string;
  line: number | undefined;
  onGone: () => void;
  onOpen: (path: string, line?: number) => void;
  before: ReactNode;
}

/**
 * One file. What is typed is based on a hash; when the file changed meanwhile, saving shows both
 * and overwrites nothing by itself.
 */
export default function FileEditor({ project, path, line, onGone, onOpen, before }: FileEditorProps) {
  const key = `project/${project.id}/files/${path}`;
  const draftAt = draftKey(project.id, path);
  const [base, setBase] = useState<FileContent | undefined>(draftOf(draftAt)?.base);
  const [text, setText] = useState(draftOf(draftAt)?.text ?? "");
  const [kept, setKept] = useState(draftOf(draftAt)?.kept);
  const [busy, setBusy] = useState(false);
  const [removing, setRemoving] = useState(false);
  const [error, setError] = useState<ApiError>();
  const [found, setFound] = useState(draftOf(draftAt)?.found ?? []);
  const isNew = base?.hash === "";
  const dirty = base !== undefined && (isNew || text !== base.content);
  const file = useResource(isNew ? null : key, () => labd.file(project.id, path));
  const now = file.data;
  const conflict = dirty && now !== undefined && base !== undefined && now.hash !== base.hash && now.content !== text;

  useEffect(() => {
    if (!now) return;
    // Without changes by hand the editor follows the file, such as when a turn writes it.
    const follows = base && text === base.content && now.hash !== base.hash;
    if (!base || follows || (now.content === text && now.hash !== base.hash)) {
      setBase(now);
      setText(now.content);
    }
  }, [now, base, text]);

  useEffect(() => {
    setDraft(draftAt, dirty && base ? { base, text, kept, found } : undefined);
  }, [draftAt, dirty, base, text, kept, found]);

  const save = async (on = base) => {
    if (!on || busy) return;
    setBusy(true);
    setError(undefined);
    const saving = text;
    try {
      const saved = await labd.fileSave(project.id, path, saving, on.hash || undefined);
      if (saved.snapshot.draft) {
        // The app's own state is as it was, and so is what the next save is based on.
        setBase(on);
        setKept(saving);
      } else {
        setBase(await labd.file(project.id, path));
        setKept(undefined);
      }
      setFound(saved.problems);
      const errors = saved.problems.filter((problem) => problem.severity === "error").length;
      toast(
        saved.snapshot.draft
          ? `Saved as a draft: ${plural(errors, "problem")} to solve. The preview keeps the last good state.`
          : `${path} is saved.`,
        saved.snapshot.draft ? "error" : "done",
        "save",
      );
      invalidate(`project/${project.id}`);
    } catch (failure) {
      const failed = errorFromFailure(failure);
      setError(failed);
      if (failed.code === "conflict") file.reload();
    } finally {
      setBusy(false);
    }
  };

  return (
    <>
      <div className="flex h-10 items-center gap-1.5 border-b border-line bg-surface px-1.5">
        {before}
        <p className="min-w-0 flex-1 truncate font-mono text-xs">
          {path}
          {dirty && <span className="ml-1.5 text-warn">{text === kept ? "kept as a draft" : "not saved"}</span>}
        </p>
        <IconButton label="Remove this file" small disabled={!base || isNew} onClick={() => setRemoving(true)}>
          <Trash2 />
        </IconButton>
        <Button small look="primary" icon={<Save />} busy={busy} disabled={!dirty || text === kept} onClick={() => void save()}>
          Save
        </Button>
      </div>
      {error && !conflict && (
        <div className="p-2">
          <ErrorNote error={error} />
        </div>
      )}
      {conflict && (
        <Conflict
          path={path}
          theirs={now}
          onTakeTheirs={() => {
            setBase(now);
            setText(now.content);
            setError(undefined);
          }}
          onKeepMine={() => void save(now)}
        />
      )}
      {found.length > 0 && (
        <div className="scroll-thin max-h-48 shrink-0 overflow-y-auto border-b border-line p-2">
          <ProblemList problems={found} onOpen={onOpen} />
        </div>
      )}
      {file.error && !base && (
        <div className="p-3">
          <ErrorNote error={file.error} retry={file.reload} />
        </div>
      )}
      {!base && file.loading && (
        <div className="p-3">
          <Spinner />
        </div>
      )}
      {base?.binary && <p className="p-4 text-sm text-soft">This file is not text, so it cannot be edited here.</p>}
      {base && !base.binary && (
        <div className="min-h-0 flex-1">
          <Editor path={path} value={text} label={path} line={line} onChange={setText} onSave={() => void save()} />
        </div>
      )}
      <Confirm
        open={removing}
        danger
        onClose={() => setRemoving(false)}
        title={`Remove ${path}?`}
        action="Remove file"
        onConfirm={async () => {
          if (!base) return;
          await labd.fileRemove(project.id, path, base.hash);
          setText(base.content);
          invalidate(`project/${project.id}`);
          onGone();
        }}
      >
        <p>It stays in the history, and going back brings it again.</p>
      </Confirm>
    </>
  );
}
