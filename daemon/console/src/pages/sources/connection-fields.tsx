/** What a connection is made of; the same when it is added and when it is changed. */
import { Eye, EyeOff, FileKey2 } from "lucide-react";
import { useRef, useState } from "react";
import type { ApiError } from "../../api/errors";
import { Button, IconButton } from "../../components/ui/button";
import { cx } from "../../components/ui/cx";
import { AreaField, Field, INPUT } from "../../components/ui/field";

export interface Connection {
  url: string;
  ca: string;
  /** Goes back to the authorities of the operating system. */
  withoutCa?: boolean;
}

interface ConnectionFieldsProps {
  value: Connection;
  onChange: (value: Connection) => void;
  error: ApiError | undefined;
  /** There is a credential already, which an empty field keeps. */
  replaces?: boolean;
  /** There is a certificate authority already, which is kept unless something is said about it. */
  hasCa?: boolean;
}

/** A certificate is a few kilobytes. */
const LARGEST_CA = 256 * 1024;

export function ConnectionFields({ value, onChange, error, replaces, hasCa }: ConnectionFieldsProps) {
  const [shown, setShown] = useState(false);
  const [withCa, setWithCa] = useState(value.ca !== "");
  const file = useRef<HTMLInputElement>(null);
  const take = async (chosen: File | undefined) => {
    if (chosen && chosen.size <= LARGEST_CA) onChange({ ...value, ca: await chosen.text() });
  };
  return (
    <>
      <Field
        label={replaces ? "New connection URL" : "Connection URL"}
        optional={replaces ?? false}
        error={error?.field("url")}
        hint={
          replaces
            ? "Empty keeps the present one. A new URL replaces user, password and address together."
            : "With user and password. It is sealed at once, and nobody is ever shown it again."
        }
      >
        {(tied) => (
          <div className="flex gap-1">
            <input
              {...tied}
              type={shown ? "text" : "password"}
              value={value.url}
              spellCheck={false}
              autoComplete="off"
              data-1p-ignore
              placeholder="postgresql://user:password@host:5432/database"
              onChange={(event) => onChange({ ...value, url: event.target.value })}
              className={cx(INPUT, "h-8 font-mono text-xs")}
            />
            <IconButton label={shown ? "Hide what is typed" : "Show what is typed"} onClick={() => setShown(!shown)}>
              {shown ? <EyeOff /> : <Eye />}
            </IconButton>
          </div>
        )}
      </Field>
      {withCa ? (
        <div className="space-y-1.5">
          <AreaField
            label={hasCa ? "New certificate authority" : "Certificate authority"}
            optional
            spellCheck={false}
            value={value.ca}
            error={error?.field("ca")}
            placeholder="-----BEGIN CERTIFICATE-----"
            hint="PEM, for servers whose certificate does not come from a public authority."
            onChange={(event) => onChange({ ...value, ca: event.target.value })}
          />
          <input
            ref={file}
            type="file"
            accept=".pem,.crt,.cer"
            className="hidden"
            tabIndex={-1}
            onChange={(event) => void take(event.target.files?.[0])}
          />
          <Button small icon={<FileKey2 />} onClick={() => file.current?.click()}>
            Read from a file
          </Button>
        </div>
      ) : hasCa ? (
        <div className="flex flex-wrap items-center gap-2 text-sm">
          <p className="min-w-0 flex-1 basis-52 text-soft">
            {value.withoutCa
              ? "From the next save on, its certificate must come from a public authority."
              : "Its certificate is verified by an authority of your own."}
          </p>
          {value.withoutCa ? (
            <Button small onClick={() => onChange({ ...value, withoutCa: false })}>
              Keep the authority
            </Button>
          ) : (
            <>
              <Button small icon={<FileKey2 />} onClick={() => setWithCa(true)}>
                Replace
              </Button>
              <Button small onClick={() => onChange({ ...value, withoutCa: true })}>
                Remove
              </Button>
            </>
          )}
        </div>
      ) : (
        <div>
          <Button small look="quiet" icon={<FileKey2 />} className="-ml-2" onClick={() => setWithCa(true)}>
            Its certificate comes from our own authority
          </Button>
        </div>
      )}
    </>
  );
}
