// The API's values → labd's, and parameters → the API's texts. No number passes through a double that
// does not hold it.

import { unavailable } from '../.labd/sdk/src/errors.js';

/** @import { Param } from '../.labd/sdk/src/contracts.js' */
/** @import { Column } from './api.js' */

const INTEGER = /^[+-]?\d+$/;
const DECIMAL = /^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$/;

/**
 * A cell as `toBatch` takes it.
 * @param {Column} column
 * @param {any} cell parsed by `parseExact`: a number that a double does not hold is a text
 */
export function fromApi(column, cell) {
  if (cell === null) return null;
  const text = typeof cell === 'string';
  switch (column.type) {
    case 'boolean':
      if (typeof cell === 'boolean') return cell;
      break;
    case 'integer':
      if (Number.isSafeInteger(cell) || (text && INTEGER.test(cell))) return cell;
      break;
    case 'float':
      if (typeof cell === 'number' || (text && (DECIMAL.test(cell) || /^(NaN|-?Infinity)$/.test(cell)))) return Number(cell);
      break;
    case 'decimal':
      if (typeof cell === 'number' || (text && (DECIMAL.test(cell) || cell === 'NaN'))) return String(cell);
      break;
    case 'binary':
      if (text) return Uint8Array.from(atob(cell), (character) => character.charCodeAt(0));
      break;
    case 'json':
    case 'array':
      return JSON.stringify(cell);
    default:
      if (text) return cell;
  }
  throw unavailable(`the API sent something else than its type ${column.databaseType} in the column "${column.name}"`);
}

/** About how many bytes the values of a row have. @param {unknown[]} row */
export function sizeOf(row) {
  return row.reduce((/** @type {number} */ sum, cell) => {
    if (typeof cell === 'string') return sum + cell.length * 3;
    return sum + (cell instanceof Uint8Array ? cell.length : 8);
  }, 0);
}

/**
 * What the API is to compare a column with; none for null.
 * @param {Column} column
 * @param {Param} param
 * @param {(message: string) => Error} fault
 * @returns {string | null}
 */
export function toApi(column, param, fault) {
  const wrong = () => fault(`the column "${column.name}" is of type ${column.databaseType}; it cannot be compared with this value`);
  switch (param.tag) {
    case 'null':
      return null;
    case 'binary':
    case 'array':
      throw wrong();
  }
  const text = param.tag === 'typed' ? param.val.text : String(param.val);
  switch (column.type) {
    case 'boolean':
      if (text !== 'true' && text !== 'false') throw wrong();
      break;
    case 'integer':
      if (!INTEGER.test(text)) throw wrong();
      break;
    case 'float':
    case 'decimal':
      if (!DECIMAL.test(text)) throw wrong();
      break;
    case 'binary':
    case 'json':
    case 'array':
      throw wrong();
  }
  return text;
}
