import assert from 'node:assert/strict';
import { test } from 'node:test';
import { request } from '../src/http.js';
import { NdjsonDecoder, SseDecoder, readNdjson } from '../src/stream.js';
import { FakeHost, everySplit } from '../src/testing.js';

/** @param {SseDecoder | NdjsonDecoder} decoder @param {Uint8Array[]} pieces */
function decode(decoder, pieces) {
  /** @type {unknown[]} */
  const frames = [];
  const take = () => {
    for (let frame = decoder.next(); frame !== undefined; frame = decoder.next()) frames.push(frame);
  };
  for (const piece of pieces) {
    decoder.push(piece);
    take();
  }
  decoder.end();
  take();
  return frames;
}

test('every split of an event stream gives the same events', () => {
  const stream =
    '\ufeff: comment\r\nevent: first\ndata: grö\ndata:ße 😀\nid: 7\n\n' +
    'data\r\n\r\nretry: 5\runknown: x\rdata: cr\r\r: ping\n\ndata:  two\r\n\r\ndata: cut';
  const expected = [
    { name: 'first', data: 'grö\nße 😀', id: '7' },
    { name: '', data: '', id: '7' },
    { name: '', data: 'cr', id: '7' },
    { name: '', data: ' two', id: '7' },
    { name: '', data: 'cut', id: '7' },
  ];
  for (const pieces of everySplit(stream)) assert.deepEqual(decode(new SseDecoder(), pieces), expected);
});

test('every split of lines of JSON gives the same values', () => {
  const expected = [{ a: 'ä' }, [1, 2], { last: true }];
  for (const pieces of everySplit('{"a":"ä"}\r\n\n  \n[1,2]\n{"last":true}')) {
    assert.deepEqual(decode(new NdjsonDecoder(), pieces), expected);
  }
});

test('what is beyond the limit is refused before it fills the memory', () => {
  const bytes = new TextEncoder().encode(`data: ${'x'.repeat(100)}`);
  assert.throws(() => decode(new SseDecoder(50), [bytes]), { tag: 'unavailable' });
  const event = new TextEncoder().encode('data: 0123456789\n'.repeat(4));
  assert.throws(() => decode(new SseDecoder(50), [event]), /an event of more than 50 bytes/);
  assert.throws(() => decode(new NdjsonDecoder(5), [new TextEncoder().encode('"0123456789"\n')]), /a line of more/);
});

test('a line that is no JSON is unavailable', () => {
  assert.throws(() => decode(new NdjsonDecoder(), [new TextEncoder().encode('{oops}\n')]), { name: 'PluginError' });
});

test('frames are read from a body to its end', () => {
  const host = new FakeHost().respond(200, ['{"a":1}\n{"a"', ':2}']);
  const frames = readNdjson(request(host, 'http://x').body);
  assert.deepEqual([frames.next(), frames.next(), frames.next(), frames.next()], [{ a: 1 }, { a: 2 }, undefined, undefined]);
  assert.equal(host.finished, 1);
});
