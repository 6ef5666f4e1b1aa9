import { Check, Copy } from "lucide-react";
import { useEffect, useState } from "react";
import { toast } from "../state/toasts";
import { IconButton } from "./ui/button";

export function CopyButton({ text, label }: { text: string; label: string }) {
  const [done, setDone] = useState(false);
  useEffect(() => {
    if (!done) return;
    const timer = setTimeout(() => setDone(false), 1_500);
    return () => clearTimeout(timer);
  }, [done]);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setDone(true);
    } catch {
      toast("The browser does not allow copying here. Select the text and copy it by hand.", "error");
    }
  };
  return (
    <IconButton label={done ? "Copied" : label} small onClick={() => void copy()}>
      {done ? <Check className="text-ok" /> : <Copy />}
    </IconButton>
  );
}
