// UTF-8, for engines without TextEncoder and TextDecoder (QuickJS).

const REPLACEMENT = 0xfffd;

/** Text to UTF-8. A lone surrogate becomes U+FFFD, as in browsers. */
export class Utf8Encoder {
  get encoding() {
    return 'utf-8';
  }

  /** @param {string} [text] @returns {Uint8Array} */
  encode(text = '') {
    const bytes = new Uint8Array(text.length * 3);
    let length = 0;
    for (let i = 0; i < text.length; i++) {
      let code = text.charCodeAt(i);
      if (code >= 0xd800 && code <= 0xdfff) {
        const low = code <= 0xdbff ? text.charCodeAt(i + 1) : NaN;
        if (low >= 0xdc00 && low <= 0xdfff) {
          code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
          i++;
        } else {
          code = REPLACEMENT;
        }
      }
      if (code < 0x80) {
        bytes[length++] = code;
      } else if (code < 0x800) {
        bytes[length++] = 0xc0 | (code >> 6);
        bytes[length++] = 0x80 | (code & 0x3f);
      } else if (code < 0x10000) {
        bytes[length++] = 0xe0 | (code >> 12);
        bytes[length++] = 0x80 | ((code >> 6) & 0x3f);
        bytes[length++] = 0x80 | (code & 0x3f);
      } else {
        bytes[length++] = 0xf0 | (code >> 18);
        bytes[length++] = 0x80 | ((code >> 12) & 0x3f);
        bytes[length++] = 0x80 | ((code >> 6) & 0x3f);
        bytes[length++] = 0x80 | (code & 0x3f);
      }
    }
    return bytes.slice(0, length);
  }
}

/**
 * UTF-8 to text, by the WHATWG Encoding standard: a malformed sequence becomes U+FFFD (or throws
 * with `fatal`), a byte order mark at the beginning is left out, and with `{ stream: true }` a
 * character may be split between calls.
 */
export class Utf8Decoder {
  #fatal;
  #ignoreBOM;
  #code = 0;
  #needed = 0;
  #seen = 0;
  #lower = 0x80;
  #upper = 0xbf;
  #start = true;

  /** @param {string} [label] @param {{ fatal?: boolean, ignoreBOM?: boolean }} [options] */
  constructor(label = 'utf-8', options = {}) {
    if (!/^(unicode-1-1-)?utf-?8$/i.test(label)) throw new RangeError(`only UTF-8 is decoded, not ${label}`);
    this.#fatal = options.fatal === true;
    this.#ignoreBOM = options.ignoreBOM === true;
  }

  get encoding() {
    return 'utf-8';
  }

  get fatal() {
    return this.#fatal;
  }

  get ignoreBOM() {
    return this.#ignoreBOM;
  }

  /**
   * @param {Uint8Array | ArrayBuffer} [input]
   * @param {{ stream?: boolean }} [options]
   * @returns {string}
   */
  decode(input = new Uint8Array(0), options = {}) {
    const bytes = input instanceof Uint8Array ? input : new Uint8Array(input);
    let text = '';
    /** @type {number[]} */
    let codes = [];
    const push = (/** @type {number} */ code) => {
      const mark = this.#start && code === 0xfeff && !this.#ignoreBOM;
      this.#start = false;
      if (mark) return;
      codes.push(code);
      // Arguments of a call are limited; a piece at a time is also the fastest way.
      if (codes.length >= 1024) {
        text += String.fromCodePoint(...codes);
        codes = [];
      }
    };
    for (let i = 0; i < bytes.length; i++) {
      const byte = bytes[i];
      if (this.#needed === 0) {
        if (byte < 0x80) push(byte);
        else if (byte >= 0xc2 && byte <= 0xdf) this.#begin(byte & 0x1f, 1);
        else if (byte >= 0xe0 && byte <= 0xef) {
          if (byte === 0xe0) this.#lower = 0xa0;
          if (byte === 0xed) this.#upper = 0x9f;
          this.#begin(byte & 0xf, 2);
        } else if (byte >= 0xf0 && byte <= 0xf4) {
          if (byte === 0xf0) this.#lower = 0x90;
          if (byte === 0xf4) this.#upper = 0x8f;
          this.#begin(byte & 0x7, 3);
        } else push(this.#malformed());
      } else if (byte < this.#lower || byte > this.#upper) {
        this.#reset();
        push(this.#malformed());
        // The byte that broke the sequence begins another one.
        i--;
      } else {
        this.#lower = 0x80;
        this.#upper = 0xbf;
        this.#code = (this.#code << 6) | (byte & 0x3f);
        if (++this.#seen === this.#needed) {
          const code = this.#code;
          this.#reset();
          push(code);
        }
      }
    }
    if (!options.stream) {
      if (this.#needed !== 0) {
        this.#reset();
        push(this.#malformed());
      }
      this.#start = true;
    }
    return text + String.fromCodePoint(...codes);
  }

  /** @param {number} code @param {number} needed */
  #begin(code, needed) {
    this.#code = code;
    this.#needed = needed;
  }

  #reset() {
    this.#code = this.#needed = this.#seen = 0;
    this.#lower = 0x80;
    this.#upper = 0xbf;
  }

  #malformed() {
    if (this.#fatal) throw new TypeError('the bytes are not UTF-8');
    return REPLACEMENT;
  }
}

/** Puts both where programs look for them, in engines that lack them. */
export function installText() {
  const scope = /** @type {Record<string, unknown>} */ (globalThis);
  scope.TextEncoder ??= Utf8Encoder;
  scope.TextDecoder ??= Utf8Decoder;
}
