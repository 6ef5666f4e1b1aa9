// Errors of the API. The code decides before the status does: an account without credit answers 429
// too, and waiting does not help there.

import * as errors from '../.labd/sdk/src/errors.js';
import { statusError } from '../.labd/sdk/src/http.js';

/** Characters of a message that are kept. */
const MESSAGE = 600;

/** @typedef {{ message: string, code?: string, codes: string[] }} Told what an error's body says */

/**
 * The error of a response whose status is no success.
 * @param {import('../.labd/sdk/src/http.js').Response} response
 * @param {() => number} now
 */
export function ofResponse(response, now) {
  const text = response.errorText();
  let told;
  try {
    told = read(JSON.parse(text));
  } catch {
    // A proxy's page is not for a person to read.
    const page = text.trimStart().startsWith('<');
    told = { message: page ? 'the server answered with a web page' : short(text), codes: [] };
  }
  const hints = {
    401: 'check the API key of this provider',
    403: 'check the API key of this provider',
    404: "check the model's name, and that `base-url` ends with the version, such as /v1",
  };
  const hint = /** @type {Record<number, string>} */ (hints)[response.status];
  return settled(told) ?? statusError(response, errors.fault(told.message, { code: told.code, hint }), now);
}

/**
 * The error that a chunk of a stream reports; none when it reports none.
 * @param {any} chunk
 * @returns {errors.PluginError | undefined}
 */
export function inStream(chunk) {
  if (!chunk?.error) return undefined;
  const told = read(chunk);
  const has = (/** @type {string} */ word) => told.codes.some((code) => code.includes(word));
  const known = settled(told);
  if (known) return known;
  if (has('rate_limit') || told.code === '429') return errors.rateLimited();
  if (has('overloaded') || told.code === '503') return errors.overloaded();
  if (has('invalid_request')) return errors.invalidRequest(told.message, { code: told.code });
  return errors.unavailable(told.message, { code: told.code });
}

/** From `{"error": {…}}`, `{"error": "…"}`, `{"detail": "…"}` or `{"message": "…"}`. @param {any} body @returns {Told} */
function read(body) {
  const error = body?.error ?? body;
  const message = typeof error === 'string' ? error : (error?.message ?? error?.detail ?? JSON.stringify(error));
  const codes = [error?.code, error?.type].filter((code) => code != null && code !== '').map(String);
  return { message: short(typeof message === 'string' ? message : JSON.stringify(message)), code: codes[0], codes };
}

/** What the code alone settles. @param {Told} told */
function settled({ message, code, codes }) {
  const is = (/** @type {string[]} */ ...known) => codes.some((one) => known.includes(one));
  if (is('insufficient_quota', 'billing_hard_limit_reached')) {
    return errors.invalidRequest(message, {
      code,
      hint: "the provider's account has no credit left; raise its limit there, or use another provider",
    });
  }
  if (is('invalid_api_key', 'authentication_error')) {
    return errors.unauthenticated(message, { code, hint: 'check the API key of this provider' });
  }
  if (is('model_not_found')) return errors.notFound(message, { code, hint: "choose one of the provider's models" });
  if (is('context_length_exceeded')) {
    return errors.invalidRequest(message, {
      code,
      hint: "the request is longer than the model's context; choose a model with a larger one",
    });
  }
  return undefined;
}

/** @param {string} text */
function short(text) {
  return text.trim().slice(0, MESSAGE) || 'the server gave no reason';
}
