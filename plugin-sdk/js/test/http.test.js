import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fault, unavailable } from '../src/errors.js';
import { request, retryAfter, statusError } from '../src/http.js';
import { parseExact } from '../src/json.js';
import { FakeHost } from '../src/testing.js';

test('a request carries its JSON and its headers', () => {
  const host = new FakeHost().respondJson(200, { a: 1 }, { 'x-id': '7' });
  const response = request(host, 'http://x/y', { headers: { accept: '*/*' }, json: { q: 'ä' }, timeout: 5 });
  assert.deepEqual([response.ok, response.header('x-id'), response.json(100)], [true, '7', { a: 1 }]);
  const [sent] = host.requests;
  assert.deepEqual([sent.method, sent.url, sent.timeout], ['POST', 'http://x/y', 5]);
  assert.deepEqual(sent.headers, [['accept', '*/*'], ['content-type', 'application/json']]);
  assert.deepEqual(host.json(0), { q: 'ä' });
});

test('a body is read whole within its limit', () => {
  const host = new FakeHost()
    .respond(200, ['0123', '456789'])
    .respond(200, ['{'])
    .respond(500, ['half', unavailable('cut')]);
  assert.throws(() => request(host, 'http://x').bytes(5), /larger than 5 bytes/);
  assert.throws(() => request(host, 'http://x').json(5), { tag: 'unavailable' });
  assert.equal(request(host, 'http://x').errorText(), 'half');
  assert.equal(host.requests[0].method, 'GET');
});

/** @param {number} status @param {Record<string, string>} [headers] */
const answer = (status, headers = {}) => ({ status, header: (/** @type {string} */ name) => headers[name] });

test('each status has its error', () => {
  const of = (/** @type {number} */ status) =>
    statusError(answer(status, { 'retry-after': '3' }), fault('why', { code: 'c' }), () => 0).payload;
  const told = { message: 'why', code: 'c', position: undefined, hint: undefined };
  assert.deepEqual(of(401), { tag: 'unauthenticated', val: told });
  assert.deepEqual(of(404), { tag: 'not-found', val: told });
  assert.deepEqual(of(408), { tag: 'timeout' });
  assert.deepEqual(of(409), { tag: 'conflict', val: told });
  assert.deepEqual(of(422), { tag: 'invalid-request', val: told });
  assert.deepEqual(of(429), { tag: 'rate-limited', val: 3000 });
  assert.deepEqual(of(500), { tag: 'unavailable', val: told });
  assert.deepEqual(of(503), { tag: 'rate-limited', val: 3000 });
  assert.deepEqual(statusError(answer(529), fault('why'), () => 0).payload, { tag: 'overloaded' });
  assert.match(JSON.stringify(of(302)), /redirects/);
});

test('a wait is read in each form that servers send', () => {
  const now = () => Date.UTC(2024, 0, 1);
  const after = (/** @type {string} */ text) => retryAfter(answer(429, { 'retry-after': text }), now);
  assert.equal(retryAfter(answer(429, { 'retry-after-ms': '1500' }), now), 1500);
  assert.equal(after('2'), 2000);
  assert.equal(after('0.25'), 250);
  assert.equal(after('Mon, 01 Jan 2024 00:01:00 GMT'), 60_000);
  assert.equal(after('Sun, 31 Dec 2023 23:59:00 GMT'), 0);
  assert.equal(after('99999999999'), 0xffffffff);
  for (const nonsense of ['', 'soon', '-5', 'NaN', '2024-01-01', 'Mon, 99 Jan 2024 00:01:00 GMT']) {
    assert.equal(after(nonsense), undefined, nonsense);
  }
});

test('a number that a double does not hold comes as its text', () => {
  const text = '{"id":9007199254740993,"ok":9007199254740991,"d":0.1234567890123456789,"f":1.5,"e":1e400,"s":"1\\"9007199254740993 é"}';
  assert.deepEqual(parseExact(text), {
    id: '9007199254740993',
    ok: 9007199254740991,
    d: '0.1234567890123456789',
    f: 1.5,
    e: '1e400',
    s: '1"9007199254740993 é',
  });
  assert.deepEqual(parseExact('[-12.50, -0.000001, 1.5e-7, "a"]'), [-12.5, -0.000001, 1.5e-7, 'a']);
  assert.throws(() => parseExact('[1,]'));
});
