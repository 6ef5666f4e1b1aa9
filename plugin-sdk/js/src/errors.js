// The contract's one error type (`labd:common/errors`), as something that can be thrown.

/** @import { ErrorValue, Fault } from './contracts.js' */

/**
 * An error of the contract. The engine reads `payload` and gives it to the host; anything else that
 * is thrown traps, and the instance is gone.
 */
export class PluginError extends Error {
  /** @param {ErrorValue} payload */
  constructor(payload) {
    super(messageOf(payload));
    this.name = 'PluginError';
    this.payload = payload;
  }

  /** The case of the error: `unavailable`, `rate-limited`, … */
  get tag() {
    return this.payload.tag;
  }
}

/**
 * What has something to tell. The message is a sentence for a person; never a secret.
 * @param {string} message
 * @param {{ code?: string, position?: number, hint?: string }} [more]
 * @returns {Fault}
 */
export function fault(message, more = {}) {
  return { message, code: more.code, position: more.position, hint: more.hint };
}

/** @typedef {Parameters<typeof fault>[1]} More */

/** @param {string} message @param {More} [more] */
export const invalidRequest = (message, more) =>
  new PluginError({ tag: 'invalid-request', val: fault(message, more) });

/** @param {string} message @param {More} [more] */
export const unauthenticated = (message, more) =>
  new PluginError({ tag: 'unauthenticated', val: fault(message, more) });

/** @param {number} [milliseconds] how long the other side asks to wait, where it says so */
export const rateLimited = (milliseconds) =>
  new PluginError({ tag: 'rate-limited', val: milliseconds });

export const overloaded = () => new PluginError({ tag: 'overloaded' });

export const timeout = () => new PluginError({ tag: 'timeout' });

/** @param {string} message @param {More} [more] */
export const unavailable = (message, more) =>
  new PluginError({ tag: 'unavailable', val: fault(message, more) });

/** @param {string} message @param {More} [more] */
export const notFound = (message, more) =>
  new PluginError({ tag: 'not-found', val: fault(message, more) });

/** @param {string} message @param {More} [more] */
export const conflict = (message, more) =>
  new PluginError({ tag: 'conflict', val: fault(message, more) });

/** @param {string} message */
export const internal = (message) => new PluginError({ tag: 'internal', val: message });

/**
 * Whatever was caught, as an error of the contract. An error of the host passes as it is; a
 * programming error (a `TypeError`, …) becomes `internal`, and its stack goes to the log only.
 * @param {unknown} thrown
 * @returns {PluginError}
 */
export function asPluginError(thrown) {
  if (thrown instanceof PluginError) return thrown;
  const payload = /** @type {{ payload?: ErrorValue }} */ (thrown ?? {}).payload;
  if (typeof payload?.tag === 'string') return new PluginError(payload);
  if (thrown instanceof Error) {
    console.error(`${thrown.name}: ${thrown.message}\n${thrown.stack ?? ''}`);
    return internal(`the plugin failed: ${thrown.name}: ${thrown.message}`);
  }
  return internal(`the plugin failed: ${String(thrown)}`);
}

/** @param {ErrorValue} payload */
function messageOf(payload) {
  const val = /** @type {unknown} */ ('val' in payload ? payload.val : undefined);
  if (typeof val === 'string') return val;
  if (val && typeof val === 'object' && 'message' in val) return String(val.message);
  return payload.tag;
}
