import { Trash2 } from "lucide-react";
import { useState } from "react";
import { type ApiError, errorFromFailure } from "../../api/errors";
import * as labd from "../../api/labd";
import type { SourceInfo, SourceUpdate } from "../../api/types";
import { Facts, Panel } from "../../components/ui/bits";
import { Button } from "../../components/ui/button";
import { ErrorNote } from "../../components/ui/error-note";
import { TextField } from "../../components/ui/field";
import { Ago } from "../../components/ui/time";
import { invalidate, remember } from "../../state/resources";
import { toast } from "../../state/toasts";
import { type Connection, ConnectionFields } from "./connection-fields";
import { RemoveSource } from "./remove-source";

const TLS_NAMES = {
  disable: "never",
  prefer: "if offered, nothing verified",
  require: "always, nothing verified",
  "verify-ca": "always, authority verified",
  "verify-full": "always, authority and name verified",
};

const EMPTY: Connection = { url: "", ca: "" };

export function SourceSettings({ source }: { source: SourceInfo }) {
  const [name, setName] = useState(source.name);
  const [zone, setZone] = useState(source.time_zone);
  const [connection, setConnection] = useState(EMPTY);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError>();
  const [removing, setRemoving] = useState(false);
  const update: SourceUpdate = {
    ...(name.trim() !== source.name ? { name: name.trim() } : {}),
    ...(zone.trim() !== source.time_zone ? { time_zone: zone.trim() } : {}),
    ...(connection.url.trim() ? { url: connection.url.trim() } : {}),
    ...(connection.ca.trim() ? { ca: connection.ca.trim() } : connection.withoutCa ? { ca: "" } : {}),
  };
  const save = async (untested: boolean) => {
    setBusy(true);
    setError(undefined);
    try {
      const changed = await labd.sourceUpdate(source.id, { ...update, ...(untested ? { save_untested: true } : {}) });
      remember(`source/${source.id}`, changed);
      invalidate("sources");
      invalidate(`source/${source.id}`);
      setConnection(EMPTY);
      toast(`${changed.name} is saved.`);
    } catch (failure) {
      setError(errorFromFailure(failure));
    } finally {
      setBusy(false);
    }
  };
  const connecting = "url" in update || "ca" in update;
  return (
    <div className="grid gap-5 lg:grid-cols-[1fr_20rem]">
      <Panel className="p-5">
        <form
          noValidate
          className="space-y-4"
          onSubmit={(event) => {
            event.preventDefault();
            void save(false);
          }}
        >
          <TextField label="Name" value={name} maxLength={120} error={error?.field("name")} onChange={(event) => setName(event.target.value)} />
          <TextField
            label="Time zone"
            value={zone}
            error={error?.field("time_zone")}
            hint="Of its sessions, by its IANA name, such as Europe/Vienna. Times without a zone are read in it."
            onChange={(event) => setZone(event.target.value)}
          />
          <ConnectionFields key={source.updated_at} replaces hasCa={source.own_ca} value={connection} error={error} onChange={setConnection} />
          {error && error.fields.length === 0 && (
            <ErrorNote error={error}>
              {connecting && error.code !== "conflict" && (
                <Button small className="mt-1" disabled={busy} onClick={() => void save(true)}>
                  Save it all the same
                </Button>
              )}
            </ErrorNote>
          )}
          <Button type="submit" look="primary" busy={busy} disabled={Object.keys(update).length === 0 || !name.trim()}>
            {connecting ? "Test and save" : "Save"}
          </Button>
        </form>
      </Panel>
      <div className="space-y-5">
        <Facts
          facts={[
            ["Connector", source.connector],
            ["Environment", source.environment],
            ...(source.tls ? ([["TLS", TLS_NAMES[source.tls]]] as [string, string][]) : []),
            ...(source.own_ca ? ([["Authority", "its own"]] as [string, string][]) : []),
            ["Added", <Ago key="added" at={source.created_at} />],
            ["Changed", <Ago key="changed" at={source.updated_at} />],
          ]}
        />
        <Button icon={<Trash2 />} className="text-danger!" onClick={() => setRemoving(true)}>
          Remove this source
        </Button>
      </div>
      {removing && <RemoveSource source={source} onClose={() => setRemoving(false)} />}
    </div>
  );
}
