// Readers of streamed responses: server-sent events and lines of JSON. Each gives the same frames
// however the bytes were split.

import * as errors from './errors.js';
import { READ } from './http.js';

/** @import { Body } from './contracts.js' */

/**
 * The most bytes that one line, or the data of one event, may have: a larger one is `unavailable`
 * and never fills the instance's memory.
 */
export const DEFAULT_LIMIT = 8 * 1024 * 1024;

const LF = 0x0a;
const CR = 0x0d;

/** Splits bytes into lines, which end in LF, CRLF, or (for event streams) CR. */
class Lines {
  /** @type {Uint8Array} */
  #buffer = new Uint8Array(0);
  #start = 0;
  /** How far the buffer holds no end of line. */
  #searched = 0;
  #ended = false;
  /** The last line ended in a CR at the very end of what had arrived: an LF that follows belongs to it. */
  #skipLf = false;
  #limit;
  #loneCr;

  /** @param {number} limit @param {boolean} loneCr a lone CR ends a line */
  constructor(limit, loneCr) {
    this.#limit = limit;
    this.#loneCr = loneCr;
  }

  /** @param {Uint8Array} bytes */
  push(bytes) {
    const rest = this.#buffer.length - this.#start;
    if (rest === 0) {
      this.#buffer = bytes;
    } else {
      const joined = new Uint8Array(rest + bytes.length);
      joined.set(this.#buffer.subarray(this.#start));
      joined.set(bytes, rest);
      this.#buffer = joined;
    }
    this.#searched -= this.#start;
    this.#start = 0;
  }

  /** Nothing more comes: what is left is a line of its own. */
  end() {
    this.#ended = true;
  }

  /** The next complete line, without its end. @returns {Uint8Array | undefined} */
  line() {
    const buffer = this.#buffer;
    if (this.#skipLf && this.#start < buffer.length) {
      if (buffer[this.#start] === LF) this.#start++;
      this.#searched = Math.max(this.#searched, this.#start);
      this.#skipLf = false;
    }
    let end = this.#searched;
    while (end < buffer.length && buffer[end] !== LF && !(this.#loneCr && buffer[end] === CR)) end++;
    let next = end + 1;
    if (end === buffer.length) {
      if (!this.#ended || this.#start === buffer.length) {
        this.#searched = end;
        this.#check(end - this.#start);
        return undefined;
      }
      next = end;
    } else if (buffer[end] === CR) {
      if (next === buffer.length) this.#skipLf = true;
      else if (buffer[next] === LF) next++;
    }
    this.#check(end - this.#start);
    let line = buffer.subarray(this.#start, end);
    if (!this.#loneCr && line[line.length - 1] === CR) line = line.subarray(0, line.length - 1);
    this.#start = this.#searched = next;
    return line;
  }

  /** @param {number} length */
  #check(length) {
    if (length > this.#limit) {
      throw errors.unavailable(`the other side sent a line of more than ${this.#limit} bytes`);
    }
  }
}

/** @typedef {{ name: string, data: string, id: string }} SseEvent */

/**
 * Server-sent events (WHATWG HTML, section 9.2.6).
 *
 * Beyond the specification, an event that the end of the stream cuts before its blank line is given
 * out when its data is there: some servers end so.
 */
export class SseDecoder {
  #lines;
  #limit;
  #text = new TextDecoder('utf-8', { ignoreBOM: true });
  #first = true;
  #ended = false;
  #name = '';
  /** @type {string[]} */
  #data = [];
  #size = 0;
  #id = '';

  /** @param {number} [limit] bytes of a line, and of an event */
  constructor(limit = DEFAULT_LIMIT) {
    this.#limit = limit;
    this.#lines = new Lines(limit, true);
  }

  /** Takes in bytes, split anywhere. @param {Uint8Array} bytes */
  push(bytes) {
    this.#lines.push(bytes);
  }

  /** Nothing more comes. */
  end() {
    this.#lines.end();
    this.#ended = true;
  }

  /** The next complete event. @returns {SseEvent | undefined} */
  next() {
    for (let line = this.#lines.line(); line; line = this.#lines.line()) {
      let text = this.#text.decode(line);
      if (this.#first) {
        this.#first = false;
        if (text.charCodeAt(0) === 0xfeff) text = text.slice(1);
      }
      if (text === '') {
        const event = this.#dispatch();
        if (event) return event;
        continue;
      }
      const colon = text.indexOf(':');
      // A comment; servers send them to keep the connection alive.
      if (colon === 0) continue;
      const field = colon < 0 ? text : text.slice(0, colon);
      let value = colon < 0 ? '' : text.slice(colon + 1);
      if (value.startsWith(' ')) value = value.slice(1);
      if (field === 'data') {
        this.#size += line.length;
        if (this.#size > this.#limit) {
          throw errors.unavailable(`the other side sent an event of more than ${this.#limit} bytes`);
        }
        this.#data.push(value);
      } else if (field === 'event') {
        this.#name = value;
      } else if (field === 'id' && !value.includes('\0')) {
        this.#id = value;
      }
      // `retry` tells a browser when to reconnect; unknown fields are ignored.
    }
    return this.#ended ? this.#dispatch() : undefined;
  }

  /** @returns {SseEvent | undefined} */
  #dispatch() {
    const [name, data] = [this.#name, this.#data];
    this.#name = '';
    this.#data = [];
    this.#size = 0;
    return data.length > 0 ? { name, data: data.join('\n'), id: this.#id } : undefined;
  }
}

/** One JSON value a line. Empty lines are skipped; a last line needs no end. */
export class NdjsonDecoder {
  #lines;

  /** @param {number} [limit] bytes of a line */
  constructor(limit = DEFAULT_LIMIT) {
    this.#lines = new Lines(limit, false);
  }

  /** @param {Uint8Array} bytes */
  push(bytes) {
    this.#lines.push(bytes);
  }

  end() {
    this.#lines.end();
  }

  /** The next value. It is never `undefined`: JSON has no such thing. @returns {unknown} */
  next() {
    for (let line = this.#lines.line(); line; line = this.#lines.line()) {
      const text = new TextDecoder().decode(line);
      if (text.trim() === '') continue;
      try {
        return JSON.parse(text);
      } catch (error) {
        throw errors.unavailable(
          `the other side sent a line that is no JSON: ${/** @type {Error} */ (error).message}`,
        );
      }
    }
    return undefined;
  }
}

/**
 * @template T
 * @typedef {{ push(bytes: Uint8Array): void, end(): void, next(): T | undefined }} Decoder
 */

/**
 * The frames of a response's body.
 * @template T
 */
export class Frames {
  /** @type {Body | null} */
  #body;
  #decoder;

  /** @param {Body} body @param {Decoder<T>} decoder */
  constructor(body, decoder) {
    this.#body = body;
    this.#decoder = decoder;
  }

  /** A frame that has arrived, without waiting. @returns {T | undefined} */
  ready() {
    return this.#decoder.next();
  }

  /**
   * Waits for more bytes; false at the end of the body. Then `ready` gives what was still held back.
   */
  fill() {
    if (this.#body === null) return false;
    const bytes = this.#body.read(READ);
    if (bytes.length === 0) {
      this.close();
      this.#decoder.end();
      return false;
    }
    this.#decoder.push(bytes);
    return true;
  }

  /** The next frame, waiting for it; none at the end. @returns {T | undefined} */
  next() {
    for (;;) {
      const frame = this.ready();
      if (frame !== undefined) return frame;
      if (!this.fill()) return this.ready();
    }
  }

  /**
   * Lets go of the body, and the host closes its connection. QuickJS counts references, and drops the
   * handle with the last one; an engine that collects garbage at its leisure has a method for it.
   */
  close() {
    const body = /** @type {any} */ (this.#body);
    this.#body = null;
    const { dispose } = /** @type {{ dispose?: symbol }} */ (Symbol);
    if (body && dispose) body[dispose]?.();
  }
}

/** @param {Body} body @returns {Frames<SseEvent>} */
export const readSse = (body) => new Frames(body, new SseDecoder());

/** @param {Body} body @returns {Frames<any>} */
export const readNdjson = (body) => new Frames(body, new NdjsonDecoder());
