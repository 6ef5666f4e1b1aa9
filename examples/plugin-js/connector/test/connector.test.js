import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asPluginError } from '../.labd/sdk/src/errors.js';
import { FakeHost } from '../.labd/sdk/src/testing.js';
import { RestConnector } from '../src/connector.js';

const ORDERS = {
  name: 'orders',
  comment: 'What was sold',
  row_estimate: 3,
  primary_key: ['id'],
  columns: [
    { name: 'id', type: 'integer', nullable: false },
    { name: 'total', type: 'decimal' },
    { name: 'country', type: 'text', comment: 'ISO 3166', values: ['DE', 'FR'] },
    { name: 'paid', type: 'boolean' },
    { name: 'photo', type: 'binary' },
    { name: 'extra', type: 'json' },
    { name: 'place', type: 'geometry' },
  ],
  foreign_keys: [{ columns: ['country'], table: 'countries', referenced_columns: ['code'] }],
};

const OPTIONS = { readOnly: true, timeout: 5000, maxRows: 100, maxBytes: 1 << 20 };

/** A connection to an API that answers from a script. */
function connect() {
  const host = new FakeHost().respondJson(200, { product: 'Shop API 1.2', user: 'reports' });
  const config = { baseUrl: 'http://api.example/v1/', database: 'v1', options: [], timeZone: 'UTC', applicationName: 'labd' };
  return { host, connection: new RestConnector(host).open(config) };
}

/** The error of a call. */
function failure(work) {
  try {
    work();
  } catch (thrown) {
    return asPluginError(thrown).payload;
  }
  throw new Error('it did not fail');
}

/** The values of a batch, row by row; a null row as null. */
function rowsOf(batch) {
  const isNull = ({ nulls }, row) => nulls.length > 0 && (nulls[row >> 3] & (1 << (row & 7))) !== 0;
  return Array.from({ length: batch.rows }, (_, row) =>
    batch.columns.map((column) => (isNull(column, row) ? null : column.values.val[row])),
  );
}

test('a statement becomes the query parameters of the API', () => {
  const { host, connection } = connect();
  host.respondJson(200, ORDERS).respondJson(200, { rows: [['12.50', 7]], next: null });
  const rows = connection.query(
    'SELECT total AS amount, Orders.id FROM orders WHERE country = $1 AND "paid" = TRUE -- so far\n ORDER BY total DESC, id LIMIT 10;',
    [{ tag: 'text', val: 'D&E ä' }],
    OPTIONS,
  );
  assert.deepEqual(host.requests.map(({ url }) => decodeURIComponent(url)), [
    'http://api.example/v1/',
    'http://api.example/v1/tables/orders',
    'http://api.example/v1/tables/orders/rows?columns=total,id&eq.country=D&E ä&eq.paid=true&order=total.desc,id.asc&limit=10',
  ]);
  assert.match(host.requests[2].url, /eq\.country=D%26E%20%C3%A4&/);
  assert.equal(host.requests[2].timeout, 5000);
  assert.deepEqual(rows.columns, [
    { name: 'amount', databaseType: 'decimal', kind: 'decimal' },
    { name: 'id', databaseType: 'integer', kind: 'integer' },
  ]);
  assert.deepEqual(rowsOf(rows.first), [['12.50', 7]]);
  assert.equal(rows.rest, undefined);
});

test('every value arrives exactly', () => {
  const { host, connection } = connect();
  host.respondJson(200, ORDERS).respond(200, [
    '{"rows":[[9007199254740993,"0.10","DE",true,"AQI=",{"a":[1]},"POINT(1 2)"],',
    '[null,null,null,null,null,null,null],[1,12345678901234567890.25,"",false,"",1.5,""]]}',
  ]);
  const { first } = connection.query('SELECT * FROM orders', [], OPTIONS);
  assert.deepEqual(rowsOf(first), [
    ['9007199254740993', '0.10', 'DE', true, Uint8Array.of(1, 2), '{"a":[1]}', 'POINT(1 2)'],
    [null, null, null, null, null, null, null],
    ['1', '12345678901234567890.25', '', false, new Uint8Array(0), '1.5', ''],
  ]);
  host.respondJson(200, { rows: [['x', null, null, null, null, null, null]] });
  assert.equal(failure(() => connection.query('SELECT * FROM orders', [], OPTIONS)).tag, 'unavailable');
});

test('pages are fetched as they are asked for, within rows, bytes and LIMIT', () => {
  const { host, connection } = connect();
  const page = (ids, next) => host.respondJson(200, { rows: ids.map((id) => [id, 'x'.repeat(100)]), next });
  host.respondJson(200, ORDERS);
  page([1, 2], 'a b');
  const sql = 'SELECT id, country FROM orders LIMIT 5';
  const { first, rest } = connection.query(sql, [], { ...OPTIONS, maxRows: 2 });
  assert.deepEqual(rowsOf(first).map(([id]) => id), [1, 2]);
  page([], 'c');
  page([3, 4, 5], undefined);
  const ids = [rest.next(10, 700), rest.next(10, 1), rest.next(10, 700)].map((batch) => rowsOf(batch).map(([id]) => id));
  assert.deepEqual(ids, [[3, 4], [5], []]);
  assert.deepEqual(host.requests.slice(2).map(({ url }) => url.split('country')[1]), [
    '&limit=2',
    '&limit=3&cursor=a%20b',
    '&limit=3&cursor=c',
  ]);
});

test('nothing equals null, and nobody is asked for it', () => {
  const { host, connection } = connect();
  host.respondJson(200, ORDERS);
  const { first, rest } = connection.query('SELECT id FROM orders WHERE country = $1', [{ tag: 'null' }], OPTIONS);
  assert.deepEqual([first.rows, rest, host.requests.length], [0, undefined, 2]);
});

test('a statement is described without rows', () => {
  const { host, connection } = connect();
  host.respondJson(200, ORDERS);
  const sql = 'SELECT id FROM orders WHERE total = $2 AND country = $1 LIMIT $3';
  assert.deepEqual(connection.prepare(sql), {
    columns: [{ name: 'id', databaseType: 'integer', kind: 'integer' }],
    parameters: ['text', 'decimal', 'integer'].map((type) => ({ databaseType: type, kind: type })),
  });
  host.respondJson(200, { rows: [] });
  const params = [{ tag: 'text', val: 'DE' }, { tag: 'typed', val: { kind: 'decimal', text: '1.10' } }, { tag: 'integer', val: 3 }];
  connection.query(sql, params, OPTIONS);
  assert.match(host.requests.at(-1).url, /eq\.total=1\.10&eq\.country=DE&limit=3$/);
});

test('what is not in the subset is refused with its place', () => {
  const { host, connection } = connect();
  host.respondJson(200, ORDERS);
  for (const [sql, position, words] of [
    ['SELECT count(*) FROM orders', 13, '"("'],
    ['SELECT id FROM orders, other', 22, '","'],
    ['SELECT id FROM orders o JOIN x', 23, '"o"'],
    ['SELECT id FROM orders WHERE total > 1', 35, '">"'],
    ['SELECT id FROM orders WHERE id = 1 OR id = 2', 36, '"OR"'],
    ["SELECT id FROM orders WHERE country = 'ä😀' GROUP BY id", 44, '"GROUP"'],
    ['SELECT id FROM orders WHERE id =', 33, 'ends too early'],
    ['SELECT nothing FROM orders', 8, 'no column "nothing"'],
    ['SELECT "ID" FROM orders', 8, 'no column "ID"'],
    ['SELECT other.id FROM orders', 8, 'not the table'],
    ["SELECT id FROM orders WHERE id = 'x'", 29, 'type integer'],
    ["SELECT id FROM orders WHERE extra = '{}'", 29, 'type json'],
    ['DELETE FROM orders', 1, '"DELETE"'],
    ['', 1, 'ends too early'],
  ]) {
    const { tag, val } = failure(() => connection.query(sql, [], OPTIONS));
    assert.deepEqual([tag, val.position], ['invalid-request', position], sql);
    assert.ok(val.message.includes(words), `${sql}: ${val.message}`);
    assert.match(val.hint, /SELECT columns FROM table/);
  }
  assert.equal(host.requests.length, 2);
});

test('the tables are told with their columns and keys', () => {
  const { host, connection } = connect();
  host.respondJson(200, { tables: [ORDERS, { name: 'countries' }] });
  host.respondJson(200, { name: 'countries', columns: [{ name: 'code', type: 'text' }] });
  const { defaultSchema, relations } = connection.schema();
  assert.deepEqual([defaultSchema, relations.map(({ name }) => name)], ['', ['orders', 'countries']]);
  const [orders] = relations;
  assert.deepEqual([orders.comment, orders.rowEstimate, orders.primaryKey], ['What was sold', 3, ['id']]);
  assert.deepEqual(orders.columns[2], {
    name: 'country', databaseType: 'text', kind: 'text', nullable: true, comment: 'ISO 3166', enumValues: ['DE', 'FR'],
  });
  assert.deepEqual([orders.columns[6].kind, orders.columns[6].databaseType], ['other', 'geometry']);
  assert.deepEqual(orders.foreignKeys[0].referencedTable, 'countries');
  assert.equal(host.requests.at(-1).url, 'http://api.example/v1/tables/countries');
});

test('each refusal of the API has its error', () => {
  const { host, connection } = connect();
  const refused = (status, body, headers) => {
    host.respondJson(status, body, headers);
    return failure(() => connection.ping());
  };
  const told = refused(401, { error: { message: 'who are you', code: 'token' } });
  assert.deepEqual([told.tag, told.val.message, told.val.code], ['unauthenticated', 'who are you', 'token']);
  assert.match(told.val.hint, /rest:\/\/:token@/);
  assert.deepEqual(refused(429, {}, { 'retry-after': '3' }), { tag: 'rate-limited', val: 3000 });
  assert.equal(refused(404, {}).tag, 'not-found');
  assert.equal(refused(500, 'x').tag, 'unavailable');
  assert.equal(refused(503, null).tag, 'overloaded');
  assert.match(refused(200, { hello: 1 }).val.hint, /check the host/);
  assert.match(refused(200, null).val.message, /not an API/);
  assert.equal(failure(() => new RestConnector(host).open({ options: [] })).tag, 'invalid-request');
});

test('a table that has changed is described anew', () => {
  const { host, connection } = connect();
  host.respondJson(200, ORDERS).respondJson(400, { error: { message: 'no column total' } });
  assert.equal(failure(() => connection.query('SELECT total FROM orders', [], OPTIONS)).tag, 'invalid-request');
  host.respondJson(200, { ...ORDERS, columns: ORDERS.columns.slice(0, 1) });
  assert.match(failure(() => connection.query('SELECT total FROM orders', [], OPTIONS)).val.message, /no column/);
});
