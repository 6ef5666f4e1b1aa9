// Outgoing HTTP over `labd:host/http`. The host adds the credential after the request has left the
// plugin, vets the origin and its address, and follows no redirect.

import * as errors from './errors.js';

/** @import { Body, Fault, Header, Host } from './contracts.js' */

/** The most bytes of an error's body that are worth reading. */
export const ERROR_BODY_LIMIT = 64 * 1024;

/** The most bytes that one read asks for. */
export const READ = 64 * 1024;

/**
 * @typedef {object} RequestOptions
 * @property {string} [method] `GET` unless there is a body, then `POST`
 * @property {Record<string, string>} [headers] without the credential's own header, which is the host's to set
 * @property {Uint8Array | string} [body] as it is
 * @property {unknown} [json] the body as JSON, with its `content-type`
 * @property {number} [timeout] milliseconds until the response's head
 */

/**
 * Sends a request and waits for the head of its response. Any status is a success here.
 * @param {Pick<Host, 'send'>} host
 * @param {string} url absolute
 * @param {RequestOptions} [options]
 * @returns {Response}
 */
export function request(host, url, options = {}) {
  /** @type {Header[]} */
  const headers = Object.entries(options.headers ?? {});
  let body = options.body;
  if ('json' in options) {
    body = JSON.stringify(options.json);
    headers.push(['content-type', 'application/json']);
  }
  const response = host.send({
    method: options.method ?? (body === undefined ? 'GET' : 'POST'),
    url,
    headers,
    body: typeof body === 'string' ? new TextEncoder().encode(body) : body,
    timeout: options.timeout,
  });
  return new Response(response.status, response.headers, response.body);
}

/** The head of a response, and its body. */
export class Response {
  /** @param {number} status @param {Header[]} headers names in lower case @param {Body} body */
  constructor(status, headers, body) {
    this.status = status;
    this.headers = headers;
    this.body = body;
  }

  /** A 2xx. */
  get ok() {
    return this.status >= 200 && this.status < 300;
  }

  /**
   * The first header of that name.
   * @param {string} name in lower case
   */
  header(name) {
    return this.headers.find(([key]) => key === name)?.[1];
  }

  /**
   * The whole body.
   * @param {number} limit bytes; more is `unavailable`
   * @returns {Uint8Array}
   */
  bytes(limit) {
    const pieces = [];
    let length = 0;
    for (;;) {
      const piece = this.body.read(READ);
      if (piece.length === 0) return join(pieces, length);
      length += piece.length;
      if (length > limit) throw errors.unavailable(`the response is larger than ${limit} bytes`);
      pieces.push(piece);
    }
  }

  /** @param {number} limit bytes */
  text(limit) {
    return new TextDecoder().decode(this.bytes(limit));
  }

  /**
   * The whole body as JSON.
   * @param {number} limit bytes
   * @param {(text: string) => any} [parse] `parseExact` where numbers must not lose digits
   */
  json(limit, parse = JSON.parse) {
    const text = this.text(limit);
    try {
      return parse(text);
    } catch (error) {
      throw errors.unavailable(`the response is not the expected JSON: ${/** @type {Error} */ (error).message}`);
    }
  }

  /**
   * The beginning of the body as text, for an error's message: what has arrived when reading fails.
   */
  errorText() {
    const pieces = [];
    let length = 0;
    try {
      while (length < ERROR_BODY_LIMIT) {
        const piece = this.body.read(READ);
        if (piece.length === 0) break;
        pieces.push(piece);
        length += piece.length;
      }
    } catch {
      // The status says enough.
    }
    return new TextDecoder().decode(join(pieces, length).subarray(0, ERROR_BODY_LIMIT));
  }
}

/** @param {Uint8Array[]} pieces @param {number} length */
function join(pieces, length) {
  if (pieces.length === 1) return pieces[0];
  const all = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

/**
 * How long a server asks to wait, in milliseconds: `retry-after-ms`, or `retry-after` in seconds or
 * as a date.
 * @param {Pick<Response, 'header'>} response
 * @param {() => number} now milliseconds since the epoch
 * @returns {number | undefined}
 */
export function retryAfter(response, now) {
  const milliseconds = decimal(response.header('retry-after-ms'));
  if (milliseconds !== undefined) return wait(milliseconds);
  const text = response.header('retry-after')?.trim();
  const seconds = decimal(text);
  if (seconds !== undefined) return wait(seconds * 1000);
  // An IMF-fixdate (RFC 9110, section 5.6.7) and nothing else that an engine may take for a date.
  if (!text || !/^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/.test(text)) return undefined;
  const at = Date.parse(text);
  return Number.isNaN(at) ? undefined : wait(Math.max(0, at - now()));
}

/** @param {string | undefined} text */
function decimal(text) {
  return text !== undefined && /^\s*\d+(\.\d*)?\s*$/.test(text) ? Number(text) : undefined;
}

/** A `u32`. @param {number} milliseconds */
const wait = (milliseconds) => Math.min(Math.round(milliseconds), 0xffffffff);

/**
 * The contract's error for a status that is no success.
 * @param {Pick<Response, 'status' | 'header'>} response
 * @param {Fault} fault what the body says; a server that tells more by a code of its own is the
 *   plugin's to classify first
 * @param {() => number} now
 * @returns {errors.PluginError}
 */
export function statusError(response, fault, now) {
  const { status } = response;
  const more = { code: fault.code, position: fault.position, hint: fault.hint };
  if (status === 401 || status === 403) return errors.unauthenticated(fault.message, more);
  if (status === 404 || status === 410) return errors.notFound(fault.message, more);
  if (status === 408 || status === 504) return errors.timeout();
  if (status === 409) return errors.conflict(fault.message, more);
  if (status === 429) return errors.rateLimited(retryAfter(response, now));
  if (status === 503 || status === 529) {
    // Who says for how long asks to wait, whatever the reason.
    const wait = retryAfter(response, now);
    return wait === undefined ? errors.overloaded() : errors.rateLimited(wait);
  }
  if (status >= 400 && status < 500) return errors.invalidRequest(fault.message, more);
  if (status >= 300 && status < 400) {
    return errors.unavailable(fault.message, { ...more, hint: 'the address redirects; configure its target' });
  }
  return errors.unavailable(fault.message, more);
}
