/** Calls of the HTTP API, on the console's own origin. */
import { ApiError, errorFromAnswer, errorFromFailure } from "./errors";

export const BASE = "/api/v1";

type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
type Listener = () => void;

let onSignedOut: Listener = () => {};

/** Calls `listener` whenever labd says that there is no session (any more). */
export function whenSignedOut(listener: Listener): void {
  onSignedOut = listener;
}

export interface CallOptions {
  body?: unknown;
  signal?: AbortSignal;
  /** The answer is text, not JSON. */
  text?: boolean;
}

export async function call<T>(method: Method, path: string, options: CallOptions = {}): Promise<T> {
  const headers: Record<string, string> = {
    Accept: options.text ? "text/plain, application/problem+json" : "application/json",
  };
  // Also without a body: the server takes this as the sign that no form of another site sent it.
  if (method === "POST" || method === "PUT" || method === "PATCH") {
    headers["Content-Type"] = "application/json";
  }
  let answer: Response;
  try {
    answer = await fetch(BASE + path, {
      method,
      headers,
      credentials: "same-origin",
      body: options.body === undefined ? undefined : JSON.stringify(options.body),
      signal: options.signal,
    });
  } catch (failure) {
    throw errorFromFailure(failure);
  }
  if (!answer.ok) {
    const error = errorFromAnswer(answer.status, await bodyOf(answer));
    if (error.code === "unauthenticated" && path !== "/session") onSignedOut();
    throw error;
  }
  if (answer.status === 204) return undefined as T;
  if (options.text) return (await answer.text()) as T;
  try {
    return (await answer.json()) as T;
  } catch {
    throw new ApiError(
      {
        code: "unexpected_answer",
        message: "labd's answer broke off.",
        hint: "Try again.",
      },
      answer.status,
    );
  }
}

async function bodyOf(answer: Response): Promise<unknown> {
  try {
    return await answer.json();
  } catch {
    return undefined;
  }
}
