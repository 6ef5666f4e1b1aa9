import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Streamed, aiProvider } from '../src/ai-provider.js';
import { parseConfig } from '../src/config.js';
import { connectorExports, toBatch } from '../src/connector.js';
import * as errors from '../src/errors.js';
import { request } from '../src/http.js';
import { readSse } from '../src/stream.js';
import { FakeHost } from '../src/testing.js';

/** @import { AiProvider, EventDecoder } from '../src/ai-provider.js' */
/** @import { Connection, Request } from '../src/contracts.js' */
/** @import { SseEvent } from '../src/stream.js' */

/** @type {EventDecoder<SseEvent>} */
const words = {
  frame({ data }, events) {
    if (data === '[DONE]') return true;
    if (data === 'overloaded') {
      events.push({ tag: 'text', val: 'last' });
      throw errors.overloaded();
    }
    if (data === 'bug') throw new TypeError('boom');
    for (const word of data.split(' ')) events.push({ tag: 'text', val: word });
  },
};

/** @param {string[]} pieces @param {number} max */
function drain(pieces, max) {
  const host = new FakeHost().respond(200, pieces);
  const answer = new Streamed(readSse(request(host, 'http://x').body), words);
  const batches = [];
  try {
    for (let batch = answer.next(max); batch.length > 0; batch = answer.next(max)) {
      batches.push(batch.map((event) => 'val' in event && event.val).join(' '));
    }
    return { batches, error: undefined };
  } catch (error) {
    return { batches, error: errors.asPluginError(error).payload };
  }
}

test('what is ready is given at once, and what is too much is kept', () => {
  assert.deepEqual(drain(['data: a b c\n\n', 'data: d\n\ndata: e\n\n', 'data: [DONE]\n\n'], 2), {
    batches: ['a b', 'c', 'd e'],
    error: undefined,
  });
});

test('what came before an error is delivered first', () => {
  const { batches, error } = drain(['data: a\n\ndata: overloaded\n\ndata: b\n\n'], 16);
  assert.deepEqual([batches, error], [['a last'], { tag: 'overloaded' }]);
});

test('a stream that ends without saying why is unavailable', () => {
  assert.equal(drain(['data: a\n\n'], 16).error?.tag, 'unavailable');
});

test('a programming error becomes internal, and its stack goes to the log', (t) => {
  const logged = t.mock.method(console, 'error', () => {});
  assert.deepEqual(drain(['data: bug\n\n'], 16).error, { tag: 'internal', val: 'the plugin failed: TypeError: boom' });
  assert.match(String(logged.mock.calls[0].arguments[0]), /plugin\.test\.js/);
});

test('the exports of a provider throw errors of the contract and end once', (t) => {
  t.mock.method(console, 'error', () => {});
  /** @type {AiProvider} */
  const implementation = {
    describe: () => ({ name: 'n', description: 'd', capabilities: {} }),
    models() {
      throw new RangeError('no');
    },
    complete(_, { model }) {
      if (model === 'limited') throw Object.assign(new Error(), { payload: { tag: 'rate-limited', val: 7 } });
      let left = 2;
      return { next: () => (left-- > 0 ? [{ tag: 'text', val: 'x' }] : []) };
    },
  };
  const provider = aiProvider(implementation);
  const ask = (/** @type {string} */ model) => provider.complete('', /** @type {Request} */ ({ model }));
  assert.equal(provider.describe().name, 'n');
  assert.throws(() => provider.models(''), { tag: 'internal' });
  assert.throws(() => provider.embed('', { model: 'm', texts: ['a'] }), { tag: 'invalid-request' });
  assert.throws(() => ask('limited'), { payload: { tag: 'rate-limited', val: 7 } });
  const completion = ask('m');
  assert.deepEqual([0, 1, 2, 3].map(() => completion.next(0).length), [1, 1, 0, 0]);
});

test('a configuration is read, and a wrong one names its key', () => {
  /** @type {Record<string, import('../src/config.js').Key>} */
  const keys = {
    'base-url': { type: 'url', required: true },
    tries: { type: 'integer', minimum: 1, maximum: 3, default: 2 },
    fast: { type: 'boolean' },
  };
  assert.deepEqual(parseConfig('{"base-url":"http://x","fast":true}', keys), { 'base-url': 'http://x', tries: 2, fast: true });
  for (const [text, key] of [
    ['{}', 'base-url'],
    ['{"base-url":7}', 'base-url'],
    ['{"base-url":"ftp://x"}', 'base-url'],
    ['{"base-url":"http://x","tries":4}', 'tries'],
    ['{"base-url":"http://x","tries":1.5}', 'tries'],
    ['{"base-url":"http://x","fast":"false"}', 'fast'],
    ['{"base-url":"http://x","Fast":true}', 'Fast'],
    ['[]', 'JSON object'],
    ['{', 'JSON'],
  ]) {
    assert.throws(() => parseConfig(text, keys), (error) => {
      const { payload } = errors.asPluginError(error);
      assert.equal(payload.tag, 'invalid-request');
      return String(error).includes(key);
    });
  }
});

test('rows become columns with a mask of nulls', () => {
  const batch = toBatch(['integer', 'decimal', 'boolean', 'date'], [
    [1, '1.10', true, '2024-05-31'],
    [null, null, null, undefined],
  ]);
  assert.equal(batch.rows, 2);
  assert.deepEqual(batch.columns.map(({ nulls }) => [...nulls]), [[2], [2], [2], [2]]);
  assert.deepEqual(batch.columns.map(({ values }) => values), [
    { tag: 'integers', val: [1, 0] },
    { tag: 'decimals', val: ['1.10', '0'] },
    { tag: 'booleans', val: [true, false] },
    { tag: 'texts', val: ['2024-05-31', ''] },
  ]);
  const exact = toBatch(['integer'], [['9007199254740993'], [1]]);
  assert.deepEqual(exact.columns[0], { nulls: new Uint8Array(0), values: { tag: 'decimals', val: ['9007199254740993', '1'] } });
  const many = toBatch(['text'], Array.from({ length: 9 }, (_, row) => [row === 8 ? null : 'x']));
  assert.deepEqual([...many.columns[0].nulls], [0, 1]);
});

test('the exports of a connector wrap its connection and its cursor', () => {
  /** @type {Connection} */
  const connection = {
    ping() {
      throw errors.unauthenticated('no');
    },
    serverInfo: () => ({ product: 'p', warnings: [] }),
    schema: () => ({ defaultSchema: 'main', relations: [] }),
    prepare: () => ({ parameters: [], columns: [] }),
    query: () => ({ columns: [], first: toBatch([], [[]]), rest: { next: () => toBatch([], []) } }),
    cancelToken: () => new Uint8Array(0),
  };
  const connector = connectorExports({
    describe: () => ({ name: 'n', dialect: 'generic', placeholders: 'dollar' }),
    open: () => connection,
    cancel: () => {},
  });
  const open = connector.open({ options: [], timeZone: 'UTC', applicationName: 'labd' });
  assert.ok(open instanceof connector.Connection);
  assert.throws(() => open.ping(), { tag: 'unauthenticated' });
  const rows = open.query('', [], { readOnly: true, timeout: 1, maxRows: 1, maxBytes: 1 });
  assert.ok(rows.rest instanceof connector.Cursor);
  assert.equal(rows.rest.next(1, 1).rows, 0);
});
