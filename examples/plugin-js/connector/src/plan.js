// A statement and the columns of its table → what the API is asked for.

import { fault, sameName } from './sql.js';
import { toApi } from './values.js';

/** @import { Param, ValueKind } from '../.labd/sdk/src/contracts.js' */
/** @import { Column, Table } from './api.js' */
/** @import { Name, Select } from './sql.js' */

/** @typedef {{ name: string, column: Column }[]} ResultColumns */
/**
 * @typedef {object} Plan
 * @property {ResultColumns} columns
 * @property {[string, string][]} equal column and the text that it must equal
 * @property {string[]} order `total.desc`
 * @property {number} limit
 * @property {boolean} empty a column was compared with null, which nothing equals
 */

/**
 * The columns of the result, and the type that each parameter is compared with.
 * @param {Select} select
 * @param {Table} table
 * @returns {{ columns: ResultColumns, parameters: ValueKind[] }}
 */
export function columnsOf(select, table) {
  const columns =
    select.items === '*'
      ? table.columns.map((column) => ({ name: column.name, column }))
      : select.items.map(({ column, as }) => {
          const found = find(select, table, column);
          return { name: as ?? found.name, column: found };
        });
  /** @type {ValueKind[]} */
  const parameters = [];
  for (const { column, value } of select.where) {
    if ('parameter' in value) parameters[value.parameter] = find(select, table, column).type;
  }
  if (select.limit && 'parameter' in select.limit) parameters[select.limit.parameter] = 'integer';
  // A number that was left out is a parameter that nothing uses.
  return { columns, parameters: Array.from(parameters, (type) => type ?? 'text') };
}

/**
 * @param {Select} select
 * @param {Table} table
 * @param {Param[]} params
 * @returns {Plan}
 */
export function plan(select, table, params) {
  const { columns, parameters } = columnsOf(select, table);
  if (params.length !== parameters.length) {
    throw fault(select.text, 0, `the statement has ${parameters.length} parameters, and ${params.length} were given`);
  }
  const given = (/** @type {import('./sql.js').Value} */ value) =>
    'parameter' in value ? params[value.parameter] : /** @type {const} */ ({ tag: 'text', val: String(value.literal) });
  const equal = select.where.map(({ column, value }) => {
    const found = find(select, table, column);
    const text = toApi(found, given(value), (message) => fault(select.text, column.at, message));
    return /** @type {[string, string | null]} */ ([found.name, text]);
  });
  const order = select.order.map(
    ({ column, descending }) => `${find(select, table, column).name}.${descending ? 'desc' : 'asc'}`,
  );
  let limit = Infinity;
  if (select.limit) {
    const count = given(select.limit);
    limit = count.tag === 'null' ? Infinity : Number('val' in count ? count.val : NaN);
    if (limit !== Infinity && !(Number.isSafeInteger(limit) && limit >= 0)) {
      throw fault(select.text, select.text.length, 'LIMIT takes a whole number');
    }
  }
  return {
    columns,
    equal: /** @type {[string, string][]} */ (equal.filter(([, text]) => text !== null)),
    order,
    limit,
    empty: equal.some(([, text]) => text === null),
  };
}

/** @param {Select} select @param {Table} table @param {Name} name */
function find(select, table, name) {
  const column = table.columns.find((one) => sameName(name, one.name));
  if (!column) throw fault(select.text, name.at, `the table "${table.name}" has no column "${name.text}"`);
  return column;
}
