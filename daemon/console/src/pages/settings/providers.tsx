import { KeyRound, MoreHorizontal, Pencil, Plus, Star, Trash2 } from "lucide-react";
import { useState } from "react";
import { type ApiError, errorFromFailure } from "../../api/errors";
import * as labd from "../../api/labd";
import type { ModelInfo, Provider } from "../../api/types";
import { Badge, Skeleton } from "../../components/ui/bits";
import { Button, IconButton } from "../../components/ui/button";
import { Confirm } from "../../components/ui/confirm";
import { ErrorNote } from "../../components/ui/error-note";
import { Menu } from "../../components/ui/menu";
import { plural } from "../../state/format";
import { invalidate, remember, useResource } from "../../state/resources";
import { toast, toastError } from "../../state/toasts";
import { ProviderForm } from "./provider-form";
import { ProviderKeys } from "./provider-keys";

type Open = { what: "add" } | { what: "edit" | "keys" | "remove"; provider: Provider } | undefined;

export function Providers() {
  const providers = useResource("providers", labd.providers);
  const settings = useResource("settings", labd.settings);
  const [open, setOpen] = useState<Open>();
  const close = () => setOpen(undefined);
  return (
    <div className="space-y-4">
      <div className="flex flex-wrap items-center gap-3">
        <p className="min-w-0 flex-1 basis-60 text-sm text-soft">
          Who writes your apps. An API key is sealed for one address; the plugin that uses it never sees it.
        </p>
        <Button look="primary" icon={<Plus />} onClick={() => setOpen({ what: "add" })}>
          Add a provider
        </Button>
      </div>
      {providers.error && <ErrorNote error={providers.error} retry={providers.reload} />}
      {!providers.data && providers.loading && <Skeleton rows={2} />}
      <ul className="space-y-2">
        {providers.data?.map((provider) => (
          <Row
            key={provider.id}
            provider={provider}
            isDefault={settings.data?.default_provider === provider.id}
            onOpen={setOpen}
          />
        ))}
      </ul>
      {open?.what === "add" && <ProviderForm onClose={close} />}
      {open?.what === "edit" && <ProviderForm provider={open.provider} onClose={close} />}
      {open?.what === "keys" && <ProviderKeys provider={open.provider} onClose={close} />}
      {open?.what === "remove" && <Remove provider={open.provider} onClose={close} />}
    </div>
  );
}

interface RowProps {
  provider: Provider;
  isDefault: boolean;
  onOpen: (open: Open) => void;
}

function Row({ provider, isDefault, onOpen }: RowProps) {
  const [testing, setTesting] = useState(false);
  const [models, setModels] = useState<ModelInfo[]>();
  const [error, setError] = useState<ApiError>();
  const test = async () => {
    setTesting(true);
    setError(undefined);
    setModels(undefined);
    try {
      const list = await labd.providerModels(provider.id);
      remember(`models/${provider.id}`, list);
      setModels(list.models);
    } catch (failure) {
      setError(errorFromFailure(failure));
    } finally {
      setTesting(false);
    }
  };
  const makeDefault = async () => {
    try {
      remember("settings", await labd.settingsUpdate({ default_provider: provider.id }));
      toast(`${provider.name} answers where a project names nobody else.`);
    } catch (failure) {
      toastError(failure);
    }
  };
  return (
    <li className="space-y-3 rounded-xl border border-line bg-surface px-4 py-3">
      <div className="flex items-start gap-3">
        <div className="min-w-0 flex-1">
          <p className="flex flex-wrap items-center gap-1.5">
            <span className="font-medium break-words">{provider.name}</span>
            {isDefault && <Badge tone="accent">Default</Badge>}
            {provider.offline && <Badge>Templates, no AI</Badge>}
          </p>
          <p className="mt-0.5 text-xs break-words text-faint">
            <span className="font-mono">{provider.plugin}</span>
            {provider.default_model && (
              <>
                {" "}
                · <span className="font-mono">{provider.default_model}</span>
              </>
            )}
          </p>
          <Credentials provider={provider} />
        </div>
        <Button small busy={testing} onClick={() => void test()}>
          Test
        </Button>
        <Menu
          trigger={
            <IconButton label={`More about ${provider.name}`} small>
              <MoreHorizontal />
            </IconButton>
          }
          entries={[
            { label: "Make it the default", icon: <Star />, disabled: isDefault, onSelect: () => void makeDefault() },
            { label: "Change", icon: <Pencil />, onSelect: () => onOpen({ what: "edit", provider }) },
            ...(provider.offline
              ? []
              : [{ label: "Keys", icon: <KeyRound />, onSelect: () => onOpen({ what: "keys" as const, provider }) }]),
            { label: "Remove", icon: <Trash2 />, danger: true, onSelect: () => onOpen({ what: "remove", provider }) },
          ]}
        />
      </div>
      {error && <ErrorNote error={error} />}
      {models && (
        <p role="status" className="rounded-lg bg-ok-soft px-3 py-2 text-sm">
          It works. {plural(models.length, "model")} on offer
          {models.length > 0 && (
            <span className="text-soft">
              : {models.slice(0, 6).map((model) => model.id).join(", ")}
              {models.length > 6 && ", …"}
            </span>
          )}
        </p>
      )}
    </li>
  );
}

function Credentials({ provider }: { provider: Provider }) {
  return provider.credentials.map((credential) => (
    <p key={credential.name} className="mt-1 text-xs">
      {credential.disabled ? (
        <span className="text-warn">
          The {credential.name} was given for {credential.origin} and is not sent elsewhere. Enter it again for the new
          address.
        </span>
      ) : (
        <span className="text-soft">
          {credential.name} sealed for <span className="font-mono break-all">{credential.origin}</span>
        </span>
      )}
    </p>
  ));
}

function Remove({ provider, onClose }: { provider: Provider; onClose: () => void }) {
  return (
    <Confirm
      open
      danger
      title={`Remove ${provider.name}?`}
      action="Remove provider"
      onClose={onClose}
      onConfirm={async () => {
        await labd.providerRemove(provider.id);
        invalidate("providers");
        invalidate("settings");
        invalidate("projects");
        toast(`${provider.name} is removed.`);
      }}
    >
      <p>
        {provider.credentials.length > 0 && "Its credential is destroyed. "}
        Projects that name it need another one for their next request; what it made stays.
      </p>
    </Confirm>
  );
}
