// console → the daemon's log.

/** @import { Level } from './contracts.js' */

/** @typedef {(level: Level, message: string, fields: [string, string][]) => void} Sink */

/**
 * A console that writes lines to a sink. An `Error` shows its stack, other objects their JSON.
 * @param {Sink} sink
 */
export function makeConsole(sink) {
  const at = (/** @type {Level} */ level) => (/** @type {unknown[]} */ ...values) =>
    sink(level, values.map(show).join(' '), []);
  return {
    debug: at('debug'),
    trace: at('debug'),
    log: at('info'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    /** @param {unknown} condition @param {unknown[]} values */
    assert(condition, ...values) {
      if (!condition) at('error')('assertion failed:', ...values);
    },
  };
}

/**
 * Makes it the `console` of an engine that has none.
 * @param {Sink} sink
 */
export function installConsole(sink) {
  const scope = /** @type {Record<string, unknown>} */ (globalThis);
  scope.console ??= makeConsole(sink);
}

/** @param {unknown} value @returns {string} */
function show(value) {
  if (typeof value === 'string') return value;
  if (value instanceof Error) return `${value.name}: ${value.message}\n${value.stack ?? ''}`.trimEnd();
  if (typeof value !== 'object' || value === null) return String(value);
  try {
    return JSON.stringify(value, (_, inner) => (typeof inner === 'bigint' ? String(inner) : inner));
  } catch {
    // A value that contains itself.
    return Object.prototype.toString.call(value);
  }
}
