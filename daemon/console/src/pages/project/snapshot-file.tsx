import { lazy, Suspense } from "react";
import * as labd from "../../api/labd";
import type { Snapshot } from "../../api/types";
import { Spinner } from "../../components/ui/bits";
import { Dialog } from "../../components/ui/dialog";
import { ErrorNote } from "../../components/ui/error-note";
import { useResource } from "../../state/resources";

const Editor = lazy(() => import("../../components/code/editor"));

interface SnapshotFileProps {
  project: string;
  snapshot: Snapshot;
  path: string;
  onClose: () => void;
}

/** A file as it was in a state. */
export function SnapshotFile({ project, snapshot, path, onClose }: SnapshotFileProps) {
  const file = useResource(`snapshot/${snapshot.id}/${path}`, () => labd.file(project, path, snapshot.id));
  return (
    <Dialog open wide onClose={onClose} title={path} description={`In: ${snapshot.message}`}>
      {file.error?.code === "not_found" && <p className="text-sm text-soft">This state removed the file.</p>}
      {file.error && file.error.code !== "not_found" && <ErrorNote error={file.error} retry={file.reload} />}
      {!file.data && file.loading && <Spinner />}
      {file.data?.binary && <p className="text-sm text-soft">This file is not text.</p>}
      {file.data && !file.data.binary && (
        <Suspense fallback={<Spinner label="Opening the editor" />}>
          <div className="h-[55vh] overflow-hidden rounded-lg border border-line">
            <Editor path={path} value={file.data.content} readOnly label={path} />
          </div>
        </Suspense>
      )}
    </Dialog>
  );
}
