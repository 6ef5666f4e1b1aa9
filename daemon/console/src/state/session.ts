/** Who is signed in, and the sign-in link's token. */
import * as labd from "../api/labd";
import { type ApiError, errorFromFailure } from "../api/errors";

export type SessionState =
  | { is: "checking" }
  | { is: "in" }
  | { is: "out"; error?: ApiError };

/**
 * The token of a sign-in link, from the address's fragment, which never reaches a server's log.
 * Taken out of the address and of the browser's history at once.
 */
export function takeToken(): string | undefined {
  const token = tokenIn(location.hash);
  if (token !== undefined) history.replaceState(null, "", location.pathname + location.search);
  return token;
}

export function tokenIn(hash: string): string | undefined {
  const values = new URLSearchParams(hash.replace(/^#/, ""));
  return values.get("sign-in") ?? values.get("token") ?? undefined;
}

export async function begin(token: string | undefined): Promise<SessionState> {
  try {
    if (token !== undefined) await labd.signIn(token);
    else await labd.session();
    return { is: "in" };
  } catch (failure) {
    const error = errorFromFailure(failure);
    // A used link in a browser that is signed in already harms nothing.
    if (token !== undefined && (await begin(undefined)).is === "in") return { is: "in" };
    return error.code === "unauthenticated" && token === undefined
      ? { is: "out" }
      : { is: "out", error };
  }
}
