// The part of SQL that maps to the API:
//
//   SELECT * | column [AS name], …
//   FROM table
//   [WHERE column = value [AND …]]
//   [ORDER BY column [ASC | DESC], …]
//   [LIMIT count]
//
// A value is a parameter ($1), a text, a number, TRUE or FALSE. Everything else is refused: what the
// API does not do, this connector does not make up.

import { invalidRequest } from '../.labd/sdk/src/errors.js';

/** @typedef {{ text: string, quoted: boolean, at: number }} Name where it stands, to point at */
/** @typedef {{ parameter: number } | { literal: string | boolean }} Value a parameter counts from 0 */
/**
 * @typedef {object} Select
 * @property {{ column: Name, as: string | undefined }[] | '*'} items
 * @property {Name} table
 * @property {{ column: Name, value: Value }[]} where
 * @property {{ column: Name, descending: boolean }[]} order
 * @property {Value | undefined} limit
 * @property {string} text the statement, for positions
 */

/** @typedef {{ kind: 'word' | 'name' | 'text' | 'number' | 'parameter' | 'sign' | 'end', text: string, at: number }} Token */

const TOKEN =
  /\s+|--[^\n]*|(?<word>[\p{L}_][\p{L}\p{N}_]*)|"(?<name>(?:[^"]|"")+)"|'(?<text>(?:[^']|'')*)'|(?<number>-?\d+(?:\.\d+)?)|\$(?<parameter>\d+)|(?<sign>[*,.=;])/uy;

const CLAUSES = 'this connector reads SELECT columns FROM table WHERE column = value AND … ORDER BY column LIMIT count';

/** An error that points into the statement. @param {string} text @param {number} at @param {string} message */
export function fault(text, at, message) {
  // Positions count characters, not the code units of this language's texts.
  return invalidRequest(message, { position: [...text.slice(0, at)].length + 1, hint: CLAUSES });
}

/** @param {string} text @returns {Select} */
export function parse(text) {
  return new Parser(text).select();
}

class Parser {
  #text;
  /** @type {Token[]} */
  #tokens;
  #next = 0;

  /** @param {string} text */
  constructor(text) {
    this.#text = text;
    this.#tokens = tokens(text);
  }

  /** @returns {Select} */
  select() {
    this.#keyword('SELECT');
    const items = this.#sign('*') ? /** @type {const} */ ('*') : this.#list(() => this.#item());
    this.#keyword('FROM');
    const table = this.#name();
    const where = this.#word('WHERE') ? this.#conditions() : [];
    const order = this.#word('ORDER') ? (this.#keyword('BY'), this.#list(() => this.#order())) : [];
    const limit = this.#word('LIMIT') ? this.#value() : undefined;
    this.#sign(';');
    if (this.#peek.kind !== 'end') throw this.#refused();
    // A column may be written with its table before it.
    const columns = [...(items === '*' ? [] : items), ...where, ...order].map(({ column }) => column);
    for (const column of columns) this.#unqualify(column, table);
    return { items, table, where, order, limit, text: this.#text };
  }

  #item() {
    const column = this.#name();
    return { column, as: this.#word('AS') ? this.#name().text : undefined };
  }

  #conditions() {
    const all = [];
    do {
      const column = this.#name();
      if (!this.#sign('=')) throw this.#refused();
      all.push({ column, value: this.#value() });
    } while (this.#word('AND'));
    return all;
  }

  #order() {
    const column = this.#name();
    const descending = this.#word('DESC');
    if (!descending) this.#word('ASC');
    return { column, descending };
  }

  /** @returns {Value} */
  #value() {
    const token = this.#peek;
    if (token.kind === 'parameter' && Number(token.text) > 0) {
      this.#next++;
      return { parameter: Number(token.text) - 1 };
    }
    if (token.kind === 'text' || token.kind === 'number') {
      this.#next++;
      return { literal: token.text };
    }
    if (this.#word('TRUE')) return { literal: true };
    if (this.#word('FALSE')) return { literal: false };
    throw this.#refused();
  }

  /** @returns {Name & { before?: Name }} */
  #name() {
    const token = this.#peek;
    if (token.kind !== 'word' && token.kind !== 'name') throw this.#refused();
    this.#next++;
    const name = { text: token.text, quoted: token.kind === 'name', at: token.at };
    return this.#sign('.') ? { ...this.#name(), before: name } : name;
  }

  /** @param {Name & { before?: Name }} column @param {Name} table */
  #unqualify(column, table) {
    if (column.before && !sameName(column.before, table.text)) {
      throw fault(this.#text, column.before.at, `"${column.before.text}" is not the table that is read`);
    }
  }

  /** @template T @param {() => T} one @returns {T[]} */
  #list(one) {
    const all = [one()];
    while (this.#sign(',')) all.push(one());
    return all;
  }

  get #peek() {
    return this.#tokens[this.#next];
  }

  /** @param {string} keyword */
  #word(keyword) {
    const token = this.#peek;
    if (token.kind !== 'word' || token.text.toUpperCase() !== keyword) return false;
    this.#next++;
    return true;
  }

  /** @param {string} keyword */
  #keyword(keyword) {
    if (!this.#word(keyword)) throw this.#refused();
  }

  /** @param {string} sign */
  #sign(sign) {
    const token = this.#peek;
    if (token.kind !== 'sign' || token.text !== sign) return false;
    this.#next++;
    return true;
  }

  #refused() {
    const { kind, text, at } = this.#peek;
    return fault(this.#text, at, kind === 'end' ? 'the statement ends too early' : `"${text}" cannot be read here`);
  }
}

/** @param {string} text @returns {Token[]} */
function tokens(text) {
  /** @type {Token[]} */
  const all = [];
  for (let at = 0; at < text.length; at = TOKEN.lastIndex) {
    TOKEN.lastIndex = at;
    const found = TOKEN.exec(text);
    if (!found) throw fault(text, at, `"${String.fromCodePoint(/** @type {number} */ (text.codePointAt(at)))}" cannot be read here`);
    for (const [kind, value] of Object.entries(found.groups ?? {})) {
      if (value === undefined) continue;
      const quote = kind === 'name' ? '"' : kind === 'text' ? "'" : undefined;
      const plain = quote ? value.replaceAll(quote + quote, quote) : value;
      all.push({ kind: /** @type {Token['kind']} */ (kind), text: plain, at });
    }
  }
  all.push({ kind: 'end', text: '', at: text.length });
  return all;
}

/**
 * A name in quotes is meant to the letter, another in any case.
 * @param {Name} name
 * @param {string} other
 */
export function sameName(name, other) {
  return name.quoted ? name.text === other : name.text.toLowerCase() === other.toLowerCase();
}
