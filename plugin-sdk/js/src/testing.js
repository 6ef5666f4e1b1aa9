// A host for tests: it answers from a script and remembers what it was asked. It needs no component.

import { PluginError } from './errors.js';

/** @import { Body, Header, Host } from './contracts.js' */

/** @typedef {string | Uint8Array | PluginError} Piece what one read gives, or how it fails */

/** @implements {Host} */
export class FakeHost {
  /** @type {{ method: string, url: string, headers: Header[], body?: Uint8Array, timeout?: number }[]} */
  requests = [];
  /** @type {{ level: string, message: string }[]} */
  lines = [];
  time = Date.UTC(2024, 0, 1);
  /** How many bodies were read to their end. */
  finished = 0;
  /** @type {(PluginError | { status: number, headers: Header[], pieces: Piece[] })[]} */
  #script = [];

  /**
   * The answer to the next request.
   * @param {number} status
   * @param {Piece[]} pieces each is what one read gives
   * @param {Record<string, string>} [headers]
   */
  respond(status, pieces, headers = {}) {
    this.#script.push({ status, headers: Object.entries(headers), pieces });
    return this;
  }

  /** @param {number} status @param {unknown} value @param {Record<string, string>} [headers] */
  respondJson(status, value, headers = {}) {
    return this.respond(status, [JSON.stringify(value)], { 'content-type': 'application/json', ...headers });
  }

  /** The next request fails. @param {PluginError} error */
  fail(error) {
    this.#script.push(error);
    return this;
  }

  /** The body of a request as JSON. @param {number} index */
  json(index) {
    return JSON.parse(new TextDecoder().decode(this.requests[index].body));
  }

  /** @type {Host['log']} */
  log(level, message) {
    this.lines.push({ level, message });
  }

  now() {
    return this.time;
  }

  /** @param {number} milliseconds */
  sleep(milliseconds) {
    this.time += milliseconds;
  }

  /** @type {Host['send']} */
  send(request) {
    this.requests.push(request);
    const answer = this.#script.shift();
    if (!answer) throw new Error(`no answer is scripted for ${request.method} ${request.url}`);
    if (answer instanceof PluginError) throw answer;
    return { status: answer.status, headers: answer.headers, body: this.#body(answer.pieces) };
  }

  /** @param {Piece[]} pieces @returns {Body} */
  #body(pieces) {
    const bytes = pieces
      .map((piece) => (typeof piece === 'string' ? new TextEncoder().encode(piece) : piece))
      .filter((piece) => piece instanceof PluginError || piece.length > 0);
    return {
      read: (max) => {
        const piece = bytes.shift();
        if (piece === undefined) {
          this.finished += 1;
          return new Uint8Array(0);
        }
        if (piece instanceof PluginError) throw piece;
        if (piece.length > max) bytes.unshift(piece.subarray(max));
        return piece.subarray(0, max);
      },
    };
  }
}

/**
 * The bytes of a text in two pieces, for each place where they can be cut, and in single bytes.
 * @param {string} text
 * @returns {Uint8Array[][]}
 */
export function everySplit(text) {
  const bytes = new TextEncoder().encode(text);
  const splits = Array.from({ length: bytes.length + 1 }, (_, at) => [bytes.subarray(0, at), bytes.subarray(at)]);
  return [...splits, Array.from(bytes, (_, at) => bytes.subarray(at, at + 1))];
}
