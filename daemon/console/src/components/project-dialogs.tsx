/** Making, changing and deleting a project, from wherever it is asked for. */
import { useState } from "react";
import type { ApiError } from "../api/errors";
import * as labd from "../api/labd";
import type { Project } from "../api/types";
import { ulid } from "../api/ulid";
import { invalidate, remember, useResource } from "../state/resources";
import { navigate } from "../state/router";
import { toast } from "../state/toasts";
import { Link } from "./link";
import { Confirm } from "./ui/confirm";
import { SelectField, TextField } from "./ui/field";
import { FormDialog } from "./ui/form-dialog";

export function NewProject({ onClose, source }: { onClose: () => void; source?: string }) {
  const sources = useResource("sources", labd.sources);
  // Chosen here, so that a second attempt after a lost answer makes no second project.
  const [id] = useState(ulid);
  const [name, setName] = useState("");
  const [chosen, setChosen] = useState(source);
  const selected = chosen ?? sources.data?.[0]?.id ?? "";
  return (
    <FormDialog
      title="New project"
      action="Create"
      ready={name.trim() !== ""}
      onClose={onClose}
      onSubmit={async () => {
        const project = await labd.projectCreate({ id, name: name.trim(), source: selected || null });
        invalidate("projects");
        onClose();
        navigate(`/projects/${project.id}`);
      }}
    >
      {(error) => (
        <>
          <NameField placeholder="Sales overview" value={name} error={error} onChange={setName} />
          <SourceChoice value={selected} onChange={setChosen} sources={sources.data} />
        </>
      )}
    </FormDialog>
  );
}

interface NameFieldProps {
  value: string;
  placeholder?: string;
  error: ApiError | undefined;
  onChange: (name: string) => void;
}

function NameField({ value, placeholder, error, onChange }: NameFieldProps) {
  return (
    <TextField
      label="Name"
      maxLength={120}
      placeholder={placeholder}
      value={value}
      error={error?.field("name")}
      onChange={(event) => onChange(event.target.value)}
    />
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
  return (
    <FormDialog
      title="Project settings"
      action="Save"
      ready={name.trim() !== ""}
      onClose={onClose}
      onSubmit={async () => {
        const changed = await labd.projectUpdate(project.id, {
          ...(name.trim() === project.name ? {} : { name: name.trim() }),
          ...(source && source !== project.source ? { source } : {}),
        });
        remember(`project/${project.id}`, changed);
        invalidate("projects");
        invalidate(`project/${project.id}`);
        onClose();
      }}
    >
      {(error) => (
        <>
          <NameField value={name} error={error} onChange={setName} />
          <SourceChoice value={source} onChange={setSource} sources={sources.data} />
        </>
      )}
    </FormDialog>
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
