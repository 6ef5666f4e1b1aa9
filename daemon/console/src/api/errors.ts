/**
 * Errors as the console shows them. Whatever goes wrong on the way to labd becomes one of these,
 * with a sentence for a person and, where there is one, what would help.
 *
 * | what came back | code |
 * | --- | --- |
 * | a problem document (RFC 9457) of labd | its own `code` |
 * | nothing: the daemon does not answer | `offline` |
 * | something else, such as a proxy's page | `unexpected_answer` |
 */
import type { ApiErrorBody, FieldError } from "./types";

export class ApiError extends Error {
  readonly code: string;
  readonly status: number;
  readonly fields: FieldError[];
  readonly upstreamCode: string | undefined;
  /** In the statement, in characters from 1. */
  readonly position: number | undefined;
  readonly hint: string | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(body: ApiErrorBody, status = 0) {
    super(body.message);
    this.name = "ApiError";
    this.code = body.code;
    this.status = status;
    this.fields = body.fields ?? [];
    this.upstreamCode = body.upstream_code;
    this.position = body.position;
    this.hint = body.hint;
    this.retryAfterMs = body.retry_after_ms;
  }

  /** What is wrong with one field of a form. */
  field(name: string): string | undefined {
    return this.fields.find((field) => field.field === name || field.field.startsWith(`${name}.`))
      ?.message;
  }
}

/** Reads the body of an answer that is not a success. */
export function errorFromAnswer(status: number, body: unknown): ApiError {
  if (isRecord(body) && typeof body.code === "string") {
    const message = [body.detail, body.message, body.title].find((text) => typeof text === "string");
    return new ApiError(
      {
        code: body.code,
        message: typeof message === "string" ? message : "labd refused this without saying why.",
        fields: fieldErrors(body.fields),
        upstream_code: text(body.upstream_code),
        position: number(body.position),
        hint: text(body.hint),
        retry_after_ms: number(body.retry_after_ms),
      },
      status,
    );
  }
  return new ApiError(
    {
      code: "unexpected_answer",
      message: `The answer (HTTP ${status}) did not come from labd.`,
      hint: "A proxy between this browser and labd may be at fault. Reload the page, and see the daemon's log.",
    },
    status,
  );
}

/** No answer came at all. */
export function errorFromFailure(failure: unknown): ApiError {
  if (failure instanceof ApiError) return failure;
  if (failure instanceof DOMException && failure.name === "AbortError") {
    return new ApiError({ code: "cancelled", message: "This was given up." });
  }
  if (failure instanceof TypeError) {
    return new ApiError({
      code: "offline",
      message: "labd does not answer.",
      hint: "See whether it still runs: `labd status`. Nothing that was saved is lost.",
    });
  }
  const message = failure instanceof Error ? failure.message : String(failure);
  return new ApiError({ code: "internal", message });
}

const TITLES: Record<string, string> = {
  unreachable: "The server cannot be reached",
  credential_refused: "User or password is wrong",
  unknown_database: "There is no such database",
  tls_failed: "TLS does not work as set",
  query_failed: "The database refuses the statement",
  write_refused: "Only reading is allowed here",
  invalid_request: "Something is not right yet",
  conflict: "Something else changed meanwhile",
  permission_denied: "The plugin may not do this",
  rate_limited: "Too many requests",
  timeout: "It took too long",
  offline: "labd does not answer",
  not_found: "It is not there",
  expired: "It is no longer held",
  too_large: "It is too large",
  overloaded: "labd is busy",
  storage_failed: "labd cannot write",
  plugin_failed: "A plugin failed",
  internal: "A fault of labd",
};

/** The heading over an error's message; none where the message says it all. */
export function errorTitle(code: string): string | undefined {
  return TITLES[code];
}

function fieldErrors(value: unknown): FieldError[] {
  if (!Array.isArray(value)) return [];
  return value.filter(
    (entry): entry is FieldError =>
      isRecord(entry) && typeof entry.field === "string" && typeof entry.message === "string",
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function number(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}
