/** Making, changing and deleting a project, from wherever it is asked for. */
import { useEffect, useState } from "react";
import { type ApiError, errorFromFailure } from "../api/errors";
import * as labd from "../api/labd";
import type { Project } from "../api/types";
import { ulid } from "../api/ulid";
import { invalidate, remember, useResource } from "../state/resources";
import { navigate } from "../state/router";
import { toast } from "../state/toasts";
import { Link } from "./link";
import { Button } from "./ui/button";
import { Confirm } from "./ui/confirm";
import { Dialog } from "./ui/dialog";
import { ErrorNote } from "./ui/error-note";
import { SelectField, TextField } from "./ui/field";

export function NewProject({ open, onClose, source }: { open: boolean; onClose: () => void; source?: string }) {
  const sources = useResource(open ? "sources" : null, labd.sources);
  const [id, setId] = useState("");
  const [name, setName] = useState("");
  const [chosen, setChosen] = useState<string>();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError>();
  useEffect(() => {
    if (!open) return;
    // Chosen here, so that a second attempt after a lost answer makes no second project.
    setId(ulid());
    setName("");
    setChosen(source);
    setError(undefined);
  }, [open, source]);
  const selected = chosen ?? sources.data?.[0]?.id ?? "";
  const create = async () => {
    setBusy(true);
    setError(undefined);
    try {
      const project = await labd.projectCreate({ id, name: name.trim(), source: selected || null });
      invalidate("projects");
      onClose();
      navigate(`/projects/${project.id}`);
    } catch (failure) {
      setError(errorFromFailure(failure));
    } finally {
      setBusy(false);
    }
  };
  return (
    <Dialog
      open={open}
      onClose={onClose}
      title="New project"
      onSubmit={() => void create()}
      actions={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" busy={busy} disabled={!name.trim()}>
            Create
          </Button>
        </>
      }
    >
      <div className="space-y-4">
        {error && !error.field("name") && <ErrorNote error={error} />}
        <TextField
          label="Name"
          autoFocus
          maxLength={120}
          placeholder="Sales overview"
          value={name}
          error={error?.field("name")}
          onChange={(event) => setName(event.target.value)}
        />
        <SourceChoice value={selected} onChange={setChosen} sources={sources.data} />
      </div>
    </Dialog>
  );
}

function SourceChoice({
  value,
  onChange,
  sources,
}: {
  value: string;
  onChange: (id: string) => void;
  sources: { id: string; name: string; connector: string }[] | undefined;
}) {
  return (
    <SelectField
      label="Data source"
      value={value}
      onChange={(event) => onChange(event.target.value)}
      hint={
        <>
          The database that the app's queries run on, reading only.{" "}
          <Link href="/sources/new" className="text-accent underline">
            Connect another
          </Link>
        </>
      }
    >
      {!value && <option value="">None yet</option>}
      {sources?.map((source) => (
        <option key={source.id} value={source.id}>
          {source.name} ({source.connector})
        </option>
      ))}
    </SelectField>
  );
}

export function RenameProject({ project, onClose }: { project: Project; onClose: () => void }) {
  const sources = useResource("sources", labd.sources);
  const [name, setName] = useState(project.name);
  const [source, setSource] = useState(project.source ?? "");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError>();
  const save = async () => {
    setBusy(true);
    setError(undefined);
    try {
      const changed = await labd.projectUpdate(project.id, {
        ...(name.trim() === project.name ? {} : { name: name.trim() }),
        ...(source && source !== project.source ? { source } : {}),
      });
      remember(`project/${project.id}`, changed);
      invalidate("projects");
      invalidate(`project/${project.id}`);
      onClose();
    } catch (failure) {
      setError(errorFromFailure(failure));
    } finally {
      setBusy(false);
    }
  };
  return (
    <Dialog
      open
      onClose={onClose}
      title="Project settings"
      onSubmit={() => void save()}
      actions={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" busy={busy} disabled={!name.trim()}>
            Save
          </Button>
        </>
      }
    >
      <div className="space-y-4">
        {error && !error.field("name") && <ErrorNote error={error} />}
        <TextField
          label="Name"
          maxLength={120}
          value={name}
          error={error?.field("name")}
          onChange={(event) => setName(event.target.value)}
        />
        <SourceChoice value={source} onChange={setSource} sources={sources.data} />
      </div>
    </Dialog>
  );
}

export function DeleteProject({ project, onClose }: { project: Project; onClose: () => void }) {
  return (
    <Confirm
      open
      danger
      onClose={onClose}
      title={`Delete ${project.name}?`}
      action="Delete project"
      onConfirm={async () => {
        await labd.projectRemove(project.id);
        toast(`${project.name} is deleted.`);
        invalidate("projects");
        invalidate("sources");
        if (location.pathname === `/projects/${project.id}`) navigate("/", { replace: true });
      }}
    >
      <p>Its files, its whole history and its chat go with it. This cannot be undone.</p>
      <p>Data in the database is not touched. Export it first if you may want it again.</p>
    </Confirm>
  );
}
