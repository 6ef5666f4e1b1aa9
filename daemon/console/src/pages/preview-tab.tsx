/**
 * An app in a tab of its own. The console frames it here too: an app that is not framed could leave
 * with what it has read.
 */
import { useCallback, useEffect, useState } from "react";
import { type ApiError, errorFromFailure } from "../api/errors";
import * as labd from "../api/labd";
import type { PreviewInfo } from "../api/types";
import { Spinner } from "../components/ui/bits";
import { ErrorNote } from "../components/ui/error-note";
import { SANDBOX } from "./project/preview";

export function PreviewTab({ id }: { id: string }) {
  const [info, setInfo] = useState<PreviewInfo>();
  const [error, setError] = useState<ApiError>();

  const open = useCallback(async () => {
    setError(undefined);
    try {
      const [preview, project] = await Promise.all([labd.preview(id), labd.project(id)]);
      document.title = project.name;
      setInfo(preview);
    } catch (failure) {
      setError(errorFromFailure(failure));
    }
  }, [id]);
  useEffect(() => {
    void open();
  }, [open]);

  if (error) {
    return (
      <div className="mx-auto max-w-md p-8">
        <ErrorNote error={error} retry={() => void open()} />
      </div>
    );
  }
  if (!info) {
    return (
      <div className="flex h-full items-center justify-center">
        <Spinner label="Opening the app" />
      </div>
    );
  }
  return (
    <iframe title="App" src={info.url} sandbox={SANDBOX} allow="clipboard-write; fullscreen" referrerPolicy="no-referrer" className="block h-full w-full border-0" />
  );
}
