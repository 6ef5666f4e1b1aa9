/** What a person decides about a plugin, each with what it means said before it is done. */
import { Ban, Check, Power, RotateCw } from "lucide-react";
import { type ReactNode, useState } from "react";
import * as labd from "../../api/labd";
import type { PluginInfo } from "../../api/types";
import { Button } from "../../components/ui/button";
import { Confirm } from "../../components/ui/confirm";
import { toast } from "../../state/toasts";

interface Decision {
  decision: labd.PluginDecision;
  label: string;
  icon: ReactNode;
  title: string;
  about: string;
  asks?: string[];
  danger?: boolean;
  done: string;
}

/** What is asked of a person now, the newer version first. */
export function asked({ state, waiting }: PluginInfo): string[] {
  if (waiting) return waiting.asks;
  return state.type === "awaiting-grant" ? state.asks : [];
}

function decisions(plugin: PluginInfo): Decision[] {
  const { id, state, waiting } = plugin;
  const disabled = state.type === "disabled";
  const open = asked(plugin);
  const all: (Decision | false)[] = [
    open.length > 0 && {
      decision: "grant",
      label: "Allow",
      icon: <Check aria-hidden />,
      title: `Allow ${id} what it asks for?`,
      about: waiting
        ? `Version ${waiting.version} takes the place of ${plugin.version}, and may do in addition:`
        : "It can be called then, and may do:",
      asks: open,
      done: `${id} may do what it asks for.`,
    },
    !plugin.first_party &&
      plugin.permissions.length > 0 && {
        decision: "revoke",
        label: "Take back permissions",
        icon: <Ban aria-hidden />,
        title: `Take back what ${id} may do?`,
        about: "Its next call is refused, until it is allowed again. Connections that are open stay open until they end.",
        danger: true,
        done: `${id} may do nothing any more.`,
      },
    disabled
      ? {
          decision: "enable",
          label: "Enable",
          icon: <Power aria-hidden />,
          title: `Enable ${id}?`,
          about: "It takes calls again.",
          done: `${id} is enabled.`,
        }
      : {
          decision: "disable",
          label: "Disable",
          icon: <Power aria-hidden />,
          title: `Disable ${id}?`,
          about:
            "Whatever uses it stops working until it is enabled again, also after labd was restarted. Calls that are running end first.",
          danger: true,
          done: `${id} is disabled.`,
        },
    !disabled && {
      decision: "reload",
      label: "Reload",
      icon: <RotateCw aria-hidden />,
      title: `Reload ${id}?`,
      about:
        "Its package is read again and started anew, which also ends a quarantine. When that fails, the one that runs goes on.",
      done: `${id} is reloaded.`,
    },
  ];
  return all.filter((decision) => decision !== false);
}

export function Decisions({ plugin, onDecided }: { plugin: PluginInfo; onDecided: () => void }) {
  const [open, setOpen] = useState<Decision>();
  return (
    <div className="flex flex-wrap gap-2">
      {decisions(plugin).map((decision) => (
        <Button
          key={decision.decision}
          small
          look={decision.decision === "grant" ? "primary" : "plain"}
          icon={decision.icon}
          onClick={() => setOpen(decision)}
        >
          {decision.label}
        </Button>
      ))}
      {open && (
        <Confirm
          open
          onClose={() => setOpen(undefined)}
          title={open.title}
          action={open.label}
          danger={open.danger}
          onConfirm={async () => {
            await labd.pluginDecide(plugin.id, open.decision);
            toast(open.done);
            onDecided();
          }}
        >
          <p>{open.about}</p>
          {open.asks && <Permissions lines={open.asks} />}
        </Confirm>
      )}
    </div>
  );
}

/** Permissions, a line each, with what it means. */
export function Permissions({ lines, missing = [] }: { lines: string[]; missing?: string[] }) {
  return (
    <ul className="space-y-2 text-sm">
      {lines.map((line) => (
        <li key={line}>
          <code className="font-mono text-xs break-all">{line}</code>
          {missing.includes(line) && <span className="ml-2 text-xs text-warn">not allowed</span>}
          <p className="text-xs text-faint">{meaning(line)}</p>
        </li>
      ))}
    </ul>
  );
}

function meaning(line: string): string {
  const [what = "", value = ""] = line.split(/=(.*)/s);
  switch (what) {
    case "http":
      return value.startsWith("from-config:")
        ? `Sends requests to the address that is configured under \u201c${value.slice("from-config:".length)}\u201d.`
        : `Sends requests to ${value}.`;
    case "net":
      return "Connects to the servers of the data sources it is used for.";
    case "sqlite":
      return "Opens the files of the data sources it is used for.";
    case "reveal":
      return `Reads the value of the credential \u201c${value}\u201d.`;
    default:
      return "";
  }
}
