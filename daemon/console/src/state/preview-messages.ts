/** What the preview's shell tells the console. It runs a model's code: nothing in it is believed. */

export type PreviewMessage = { type: "route"; path: string } | { type: "problem" } | { type: "painted" };

const LONGEST_PATH = 2_000;

export function messageFrom(data: unknown): PreviewMessage | undefined {
  if (typeof data !== "object" || data === null || !("type" in data)) return undefined;
  if (data.type === "labd:problem") return { type: "problem" };
  if (data.type === "labd:painted") return { type: "painted" };
  if (data.type !== "labd:route" || !("path" in data) || typeof data.path !== "string") return undefined;
  return data.path.startsWith("/") ? { type: "route", path: data.path.slice(0, LONGEST_PATH) } : undefined;
}
