/** The handlers of `server/`, by file. */
export const routes: Record<string, Record<string, unknown>> = import.meta.glob("../server/**/*.ts", { eager: true });
