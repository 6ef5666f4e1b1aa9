// Requests to the API, its answers and its errors. README.md says what it serves.

import * as errors from '../.labd/sdk/src/errors.js';
import { request, statusError } from '../.labd/sdk/src/http.js';
import { parseExact } from '../.labd/sdk/src/json.js';

/** @import { Host, ValueKind } from '../.labd/sdk/src/contracts.js' */
/** @import { Plan } from './plan.js' */
/** @import { Name } from './sql.js' */

/**
 * @typedef {object} Column
 * @property {string} name
 * @property {ValueKind} type
 * @property {string} databaseType as the API writes the type
 * @property {boolean} nullable
 * @property {string | undefined} comment
 * @property {string[]} values
 */
/**
 * @typedef {object} Table
 * @property {string} name
 * @property {string | undefined} comment
 * @property {number | undefined} rowEstimate
 * @property {Column[]} columns
 * @property {string[]} primaryKey
 * @property {{ columns: string[], table: string, referencedColumns: string[] }[]} foreignKeys
 */

/** The most bytes of a page, and of a table's description. */
const LIMIT = 16 * 1024 * 1024;

/** For how long a table's description is taken as it was, in milliseconds. */
const KEEP = 60_000;

/** @type {ReadonlySet<string>} */
const TYPES = new Set([
  'boolean', 'integer', 'float', 'decimal', 'text', 'binary', 'date', 'time', 'timestamp', 'instant', 'uuid', 'json',
]);

export class Api {
  #host;
  #base;
  /** @type {Map<string, { table: Table, until: number }>} */
  #kept = new Map();

  /** @param {Host} host @param {string} base */
  constructor(host, base) {
    this.#host = host;
    this.#base = base.replace(/\/+$/, '');
  }

  /** What answers. */
  about() {
    const about = this.#get('/', []);
    if (typeof about.product !== 'string') throw notTheApi();
    return { product: about.product, user: typeof about.user === 'string' ? about.user : undefined };
  }

  /** All tables. @returns {Table[]} */
  tables() {
    const { tables } = this.#get('/tables', []);
    if (!Array.isArray(tables)) throw notTheApi();
    // A server may put the description of a table right into the list.
    return tables.map((entry) => (entry?.columns ? this.#keep(entry) : this.#describe(String(entry?.name))));
  }

  /** The table of a statement. @param {Name} name */
  table(name) {
    const kept = this.#kept.get(name.text);
    if (kept && kept.until > this.#host.now()) return kept.table;
    return this.#describe(name.quoted ? name.text : name.text.toLowerCase());
  }

  /**
   * A page of rows.
   * @param {Table} table
   * @param {Plan} plan
   * @param {number} limit
   * @param {string | undefined} cursor
   * @param {number} timeout milliseconds
   * @returns {{ rows: any[][], next: string | undefined }}
   */
  rows(table, plan, limit, cursor, timeout) {
    /** @type {[string, string][]} */
    const query = [['columns', plan.columns.map(({ column }) => column.name).join(',')]];
    for (const [column, text] of plan.equal) query.push([`eq.${column}`, text]);
    if (plan.order.length > 0) query.push(['order', plan.order.join(',')]);
    query.push(['limit', String(limit)]);
    if (cursor !== undefined) query.push(['cursor', cursor]);
    let page;
    try {
      page = this.#get(`/tables/${encodeURIComponent(table.name)}/rows`, query, timeout);
    } catch (error) {
      // The table may have changed since it was described.
      this.#kept.delete(table.name);
      throw error;
    }
    const width = plan.columns.length;
    const whole = Array.isArray(page.rows) && page.rows.length <= limit;
    if (!whole || page.rows.some((/** @type {any} */ row) => !Array.isArray(row) || row.length !== width)) {
      throw errors.unavailable('the API sent other rows than it was asked for');
    }
    return { rows: page.rows, next: typeof page.next === 'string' ? page.next : undefined };
  }

  /** @param {string} name */
  #describe(name) {
    return this.#keep(this.#get(`/tables/${encodeURIComponent(name)}`, []));
  }

  /** @param {any} entry */
  #keep(entry) {
    const table = toTable(entry);
    this.#kept.set(table.name, { table, until: this.#host.now() + KEEP });
    return table;
  }

  /** @param {string} path @param {[string, string][]} query @param {number} [timeout] */
  #get(path, query, timeout) {
    const text = query.map((pair) => pair.map(encodeURIComponent).join('=')).join('&');
    const response = request(this.#host, this.#base + path + (text && `?${text}`), {
      headers: { accept: 'application/json' },
      timeout,
    });
    if (response.ok) {
      const body = response.json(LIMIT, parseExact);
      if (body === null || typeof body !== 'object') throw notTheApi();
      return body;
    }
    let told;
    try {
      told = JSON.parse(response.errorText()).error;
    } catch {
      // No JSON; the status says enough.
    }
    const message = typeof told?.message === 'string' ? told.message : `the API answered with status ${response.status}`;
    const hint = [401, 403].includes(response.status)
      ? "the token is the password in the source's URL: rest://:token@host/path"
      : undefined;
    const code = typeof told?.code === 'string' ? told.code : undefined;
    throw statusError(response, errors.fault(message, { code, hint }), () => this.#host.now());
  }
}

function notTheApi() {
  return errors.unavailable('what answers there is not an API that serves tables', {
    hint: "check the host, the port and the path of the source's URL",
  });
}

/** @param {any} entry @returns {Table} */
function toTable(entry) {
  if (typeof entry?.name !== 'string' || !Array.isArray(entry.columns)) throw notTheApi();
  const text = (/** @type {unknown} */ value) => (typeof value === 'string' && value !== '' ? value : undefined);
  const list = (/** @type {unknown} */ value) => (Array.isArray(value) ? value.map(String) : []);
  return {
    name: entry.name,
    comment: text(entry.comment),
    rowEstimate: Number.isSafeInteger(entry.row_estimate) ? entry.row_estimate : undefined,
    columns: entry.columns.map((/** @type {any} */ column) => ({
      name: String(column.name),
      // A type of the future is shown as the text that it is.
      type: TYPES.has(column.type) ? column.type : 'other',
      databaseType: String(column.type),
      nullable: column.nullable !== false,
      comment: text(column.comment),
      values: list(column.values),
    })),
    primaryKey: list(entry.primary_key),
    foreignKeys: (Array.isArray(entry.foreign_keys) ? entry.foreign_keys : []).map((/** @type {any} */ key) => ({
      columns: list(key.columns),
      table: String(key.table),
      referencedColumns: list(key.referenced_columns),
    })),
  };
}
