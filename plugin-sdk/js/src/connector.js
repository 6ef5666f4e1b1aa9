// Plugins of kind `connector`.

import { asPluginError } from './errors.js';

/**
 * @import {
 *   Batch, Connection, ConnectorConfig, ConnectorExports, ConnectorInfo, Cursor, Param, QueryOptions,
 *   Rows, Values, ValueKind,
 * } from './contracts.js'
 */

/**
 * A connector. One instance holds one connection of one data source.
 * @typedef {object} Connector
 * @property {() => ConnectorInfo} describe pure
 * @property {(config: ConnectorConfig) => Connection} open
 * @property {(config: ConnectorConfig, token: Uint8Array) => void} cancel runs in an instance of its own
 */

/**
 * The contract's exports over a connector: `export const connector = connectorExports(new Mine(host))`.
 * Whatever it throws becomes an error of the contract.
 * @param {Connector} implementation
 * @returns {ConnectorExports}
 */
export function connectorExports(implementation) {
  /** @implements {Cursor} */
  class CursorResource {
    #cursor;

    /** @param {Cursor} cursor */
    constructor(cursor) {
      this.#cursor = cursor;
    }

    /** @param {number} maxRows @param {number} maxBytes */
    next(maxRows, maxBytes) {
      return guarded(() => this.#cursor.next(maxRows, maxBytes));
    }
  }

  /** @implements {Connection} */
  class ConnectionResource {
    #connection;

    /** @param {Connection} connection */
    constructor(connection) {
      this.#connection = connection;
    }

    ping() {
      guarded(() => this.#connection.ping());
    }

    serverInfo() {
      return guarded(() => this.#connection.serverInfo());
    }

    schema() {
      return guarded(() => this.#connection.schema());
    }

    /** @param {string} text */
    prepare(text) {
      return guarded(() => this.#connection.prepare(text));
    }

    /** @param {string} text @param {Param[]} params @param {QueryOptions} options @returns {Rows} */
    query(text, params, options) {
      return guarded(() => {
        const rows = this.#connection.query(text, params, options);
        return rows.rest ? { ...rows, rest: new CursorResource(rows.rest) } : rows;
      });
    }

    cancelToken() {
      return guarded(() => this.#connection.cancelToken());
    }
  }

  return {
    // Only made by this plugin; the contract has no constructors.
    Connection: /** @type {any} */ (ConnectionResource),
    Cursor: /** @type {any} */ (CursorResource),
    describe: () => guarded(() => implementation.describe()),
    open: (config) => guarded(() => new ConnectionResource(implementation.open(config))),
    cancel: (config, token) => guarded(() => implementation.cancel(config, token)),
  };
}

/**
 * @template T
 * @param {() => T} work
 * @returns {T}
 */
function guarded(work) {
  try {
    return work();
  } catch (thrown) {
    throw asPluginError(thrown);
  }
}

/**
 * Rows, each a list of values in the order of the columns, as a batch of the contract.
 *
 * | kind | a value is |
 * | --- | --- |
 * | `boolean`, `float` | a boolean, a number |
 * | `integer` | a number, or its text: a batch with one that is no safe integer travels as text |
 * | `decimal` | a number or its text |
 * | `binary` | a `Uint8Array` |
 * | every other | text; dates and times by ISO 8601 |
 *
 * `null` and `undefined` are null in every kind.
 * @param {ValueKind[]} kinds
 * @param {unknown[][]} rows
 * @returns {Batch}
 */
export function toBatch(kinds, rows) {
  return {
    rows: rows.length,
    columns: kinds.map((kind, index) => {
      const cells = rows.map((row) => row[index] ?? null);
      return { nulls: nullMask(cells), values: toValues(kind, cells) };
    }),
  };
}

/** A bit per row, least significant first; empty when no row is null. @param {unknown[]} cells */
function nullMask(cells) {
  if (!cells.includes(null)) return new Uint8Array(0);
  const mask = new Uint8Array(Math.ceil(cells.length / 8));
  cells.forEach((cell, row) => {
    if (cell === null) mask[row >> 3] |= 1 << (row & 7);
  });
  return mask;
}

/** @param {ValueKind} kind @param {unknown[]} cells @returns {Values} */
function toValues(kind, cells) {
  switch (kind) {
    case 'boolean':
      return { tag: 'booleans', val: cells.map((cell) => cell === true) };
    case 'float':
      return { tag: 'floats', val: cells.map((cell) => (cell === null ? 0 : Number(cell))) };
    case 'integer':
      // This language's numbers do not hold 64 bits; text does.
      return cells.every((cell) => cell === null || Number.isSafeInteger(cell))
        ? { tag: 'integers', val: cells.map((cell) => Number(cell ?? 0)) }
        : { tag: 'decimals', val: cells.map((cell) => String(cell ?? 0)) };
    case 'decimal':
      return { tag: 'decimals', val: cells.map((cell) => String(cell ?? 0)) };
    case 'binary':
      return {
        tag: 'binaries',
        val: cells.map((cell) => (cell instanceof Uint8Array ? cell : new Uint8Array(0))),
      };
    default:
      return { tag: 'texts', val: cells.map((cell) => String(cell ?? '')) };
  }
}
