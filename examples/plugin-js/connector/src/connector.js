// Tables of a REST API (see README.md for what the API must serve).
//
// | module | what it maps |
// | --- | --- |
// | sql.js | the text of a statement → a `Select` |
// | plan.js | a `Select` and the table's columns → the API's query parameters |
// | api.js | requests to the API, and its errors |
// | values.js | the API's values → labd's, parameters → the API's texts |

import { toBatch } from '../.labd/sdk/src/connector.js';
import { invalidRequest } from '../.labd/sdk/src/errors.js';
import { Api } from './api.js';
import { columnsOf, plan } from './plan.js';
import { parse } from './sql.js';
import { fromApi, sizeOf } from './values.js';

/**
 * @import {
 *   Batch, Connection, ConnectorConfig, ConnectorInfo, Host, Param, Prepared, QueryOptions, Relation, Rows, Schema,
 * } from '../.labd/sdk/src/contracts.js'
 * @import { Plan } from './plan.js'
 * @import { Table } from './api.js'
 */

/** The most rows that are asked for at once: the API's limit, too. */
const PAGE = 1000;

export class RestConnector {
  #host;

  /** @param {Host} host */
  constructor(host) {
    this.#host = host;
  }

  /** @returns {ConnectorInfo} */
  describe() {
    return { name: 'REST tables', dialect: 'generic', placeholders: 'dollar' };
  }

  /** @param {ConnectorConfig} config */
  open(config) {
    if (!config.baseUrl) {
      throw invalidRequest('the data source has no address that can be reached by HTTP', {
        hint: 'write it as rest://:token@host/path; the plugin needs the permission http=from-config:base-url',
      });
    }
    const connection = new RestConnection(new Api(this.#host, config.baseUrl), config);
    connection.ping();
    return connection;
  }

  /** A request ends with its connection, which the host closes. There is nothing else to stop. */
  cancel() {}
}

/** @implements {Connection} */
class RestConnection {
  #api;
  #config;

  /** @param {Api} api @param {ConnectorConfig} config */
  constructor(api, config) {
    this.#api = api;
    this.#config = config;
  }

  ping() {
    this.#api.about();
  }

  serverInfo() {
    const about = this.#api.about();
    return {
      product: about.product,
      user: about.user,
      database: this.#config.database ?? undefined,
      warnings: [],
    };
  }

  /** @returns {Schema} */
  schema() {
    const relations = this.#api.tables().map(relation);
    return { defaultSchema: '', relations };
  }

  /** @param {string} text @returns {Prepared} */
  prepare(text) {
    const { select, table } = this.#read(text);
    const { columns, parameters } = columnsOf(select, table);
    return {
      columns: columns.map(({ name, column }) => ({ name, databaseType: column.databaseType, kind: column.type })),
      parameters: parameters.map((type) => ({ databaseType: type, kind: type })),
    };
  }

  /** @param {string} text @param {Param[]} params @param {QueryOptions} options @returns {Rows} */
  query(text, params, options) {
    const { select, table } = this.#read(text);
    const planned = plan(select, table, params);
    const pages = new Pages(this.#api, table, planned, options.timeout);
    const first = pages.next(options.maxRows, options.maxBytes);
    return {
      columns: planned.columns.map(({ name, column }) => ({ name, databaseType: column.databaseType, kind: column.type })),
      first,
      rest: pages.ended ? undefined : pages,
    };
  }

  cancelToken() {
    return new Uint8Array(0);
  }

  /** @param {string} text */
  #read(text) {
    const select = parse(text);
    return { select, table: this.#api.table(select.table) };
  }
}

/** The rows of a query, page by page. */
class Pages {
  #api;
  #table;
  #plan;
  #timeout;
  /** How many rows may still come. */
  #left;
  /** Rows that have arrived and did not fit. @type {unknown[][]} */
  #held = [];
  /** @type {string | undefined} */
  #cursor;
  #last = false;

  /** @param {Api} api @param {Table} table @param {Plan} planned @param {number} timeout */
  constructor(api, table, planned, timeout) {
    this.#api = api;
    this.#table = table;
    this.#plan = planned;
    this.#timeout = timeout;
    this.#left = planned.limit;
    if (planned.empty) this.#last = true;
  }

  /** All rows have been given. */
  get ended() {
    return this.#held.length === 0 && (this.#last || this.#left === 0);
  }

  /** @param {number} maxRows @param {number} maxBytes @returns {Batch} */
  next(maxRows, maxBytes) {
    // A page may be empty and yet not the last one.
    while (this.#held.length === 0 && !this.ended) this.#fetch(maxRows);
    const rows = [];
    let bytes = 0;
    while (this.#held.length > 0 && rows.length < maxRows) {
      const size = sizeOf(this.#held[0]);
      // One row is always given, or the caller would never get past it.
      if (rows.length > 0 && bytes + size > maxBytes) break;
      bytes += size;
      rows.push(/** @type {unknown[]} */ (this.#held.shift()));
    }
    return toBatch(this.#plan.columns.map(({ column }) => column.type), rows);
  }

  /** @param {number} maxRows */
  #fetch(maxRows) {
    const limit = Math.min(PAGE, maxRows, this.#left);
    const page = this.#api.rows(this.#table, this.#plan, limit, this.#cursor, this.#timeout);
    this.#held = page.rows.map((row) => row.map((cell, index) => fromApi(this.#plan.columns[index].column, cell)));
    this.#left -= page.rows.length;
    this.#cursor = page.next;
    this.#last = page.next === undefined;
  }
}

/** @param {Table} table @returns {Relation} */
function relation(table) {
  return {
    schemaName: '',
    name: table.name,
    kind: 'table',
    comment: table.comment,
    rowEstimate: table.rowEstimate,
    columns: table.columns.map((column) => ({
      name: column.name,
      databaseType: column.databaseType,
      kind: column.type,
      nullable: column.nullable,
      comment: column.comment,
      enumValues: column.values,
    })),
    primaryKey: table.primaryKey,
    uniqueKeys: [],
    foreignKeys: table.foreignKeys.map((key, index) => ({
      name: `${table.name}_${index + 1}`,
      columns: key.columns,
      referencedSchema: '',
      referencedTable: key.table,
      referencedColumns: key.referencedColumns,
    })),
    indexes: [],
  };
}
