import { KeyRound, Plus } from "lucide-react";
import { useState } from "react";
import * as labd from "../../api/labd";
import type { TokenInfo } from "../../api/types";
import { Badge, Empty, Skeleton } from "../../components/ui/bits";
import { Button } from "../../components/ui/button";
import { Confirm } from "../../components/ui/confirm";
import { ErrorNote } from "../../components/ui/error-note";
import { Ago } from "../../components/ui/time";
import { invalidate, useResource } from "../../state/resources";
import { toast } from "../../state/toasts";
import { NewToken } from "./new-token";

export function Tokens() {
  const tokens = useResource("tokens", labd.tokens);
  const [making, setMaking] = useState(false);
  const [revoking, setRevoking] = useState<TokenInfo>();
  const create = (
    <Button look="primary" icon={<Plus />} onClick={() => setMaking(true)}>
      New token
    </Button>
  );
  return (
    <div className="space-y-4">
      <div className="flex flex-wrap items-center gap-3">
        <p className="min-w-0 flex-1 basis-60 text-sm text-soft">
          Programs sign in with a token. Whoever has one may do what you may do here.
        </p>
        {tokens.data && tokens.data.length > 0 && create}
      </div>
      {tokens.error && <ErrorNote error={tokens.error} retry={tokens.reload} />}
      {!tokens.data && tokens.loading && <Skeleton rows={2} />}
      {tokens.data?.length === 0 && (
        <div className="rounded-xl border border-dashed border-line-strong">
          <Empty icon={<KeyRound />} title="No tokens" action={create}>
            Make one for each program that talks to labd, so that each can be revoked alone.
          </Empty>
        </div>
      )}
      {tokens.data && tokens.data.length > 0 && (
        <ul className="divide-y divide-line rounded-xl border border-line bg-surface">
          {tokens.data.map((token) => (
            <li key={token.id} className="flex items-center gap-3 px-4 py-2.5">
              <div className="min-w-0 flex-1">
                <p className="flex items-center gap-2">
                  <span className="truncate font-medium">{token.name}</span>
                  {token.expires_at !== null && Date.parse(token.expires_at) < Date.now() && (
                    <Badge tone="warn">Expired</Badge>
                  )}
                </p>
                <p className="text-xs text-faint">
                  made <Ago at={token.created_at} /> ·{" "}
                  {token.last_used_at ? (
                    <>
                      used <Ago at={token.last_used_at} />
                    </>
                  ) : (
                    "never used"
                  )}{" "}
                  ·{" "}
                  {token.expires_at ? (
                    <>
                      ends <Ago at={token.expires_at} />
                    </>
                  ) : (
                    "no end"
                  )}
                </p>
              </div>
              <Button small aria-label={`Revoke ${token.name}`} onClick={() => setRevoking(token)}>
                Revoke
              </Button>
            </li>
          ))}
        </ul>
      )}
      {making && <NewToken onClose={() => setMaking(false)} />}
      {revoking && (
        <Confirm
          open
          danger
          title={`Revoke ${revoking.name}?`}
          action="Revoke token"
          onClose={() => setRevoking(undefined)}
          onConfirm={async () => {
            await labd.tokenRemove(revoking.id);
            invalidate("tokens");
            toast(`${revoking.name} is revoked.`);
          }}
        >
          <p>The program that uses it is refused from now on. This cannot be undone.</p>
        </Confirm>
      )}
    </div>
  );
}
