import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeConsole } from '../src/console.js';
import { everySplit } from '../src/testing.js';
import { Utf8Decoder, Utf8Encoder } from '../src/text.js';

const TEXT = '\u0000 aé߿ࠀ€\ufeff￿𐀀😀\u{10ffff} Größe';

test('text is encoded as the platform does', () => {
  for (const text of [TEXT, '', '\ud800', 'a\udc00b', '\ud83d\ud83d\ude00', 'x'.repeat(5000) + '€']) {
    assert.deepEqual(new Utf8Encoder().encode(text), new TextEncoder().encode(text), JSON.stringify(text));
  }
});

test('every split of a text decodes to that text', () => {
  for (const pieces of everySplit(TEXT)) {
    const decoder = new Utf8Decoder();
    const text = pieces.map((piece) => decoder.decode(piece, { stream: true })).join('');
    assert.equal(text + decoder.decode(), TEXT);
  }
});

test('what is no UTF-8 decodes as the platform does', () => {
  const alphabet = [0x00, 0x41, 0x7f, 0x80, 0x9f, 0xa0, 0xbf, 0xc0, 0xc2, 0xdf, 0xe0, 0xed, 0xef, 0xbb, 0xf0, 0xf4, 0xf5, 0xff];
  let seed = 7;
  const random = () => (seed = (seed * 1103515245 + 12345) % 2147483648);
  for (let round = 0; round < 3000; round++) {
    const bytes = Uint8Array.from({ length: 1 + (random() % 8) }, () => alphabet[random() % alphabet.length]);
    assert.equal(new Utf8Decoder().decode(bytes), new TextDecoder().decode(bytes), String(bytes));
    const [ours, theirs] = [new Utf8Decoder('utf-8', { ignoreBOM: true }), new TextDecoder('utf-8', { ignoreBOM: true })];
    assert.equal(ours.decode(bytes), theirs.decode(bytes), String(bytes));
  }
  assert.throws(() => new Utf8Decoder('utf-8', { fatal: true }).decode(Uint8Array.of(0xff)), TypeError);
  assert.throws(() => new Utf8Decoder('latin1'), RangeError);
});

test('a decoder can be used again', () => {
  const decoder = new Utf8Decoder();
  assert.equal(decoder.decode(Uint8Array.of(0xef, 0xbb, 0xbf, 0x61)), 'a');
  assert.equal(decoder.decode(Uint8Array.of(0xef, 0xbb, 0xbf, 0x62)), 'b');
});

test('the console writes one line with its level', () => {
  /** @type {string[]} */
  const lines = [];
  const console = makeConsole((level, message) => lines.push(`${level} ${message}`));
  console.log('a', 1, { b: [2n] }, null, undefined);
  console.assert(true, 'not said');
  console.error(new TypeError('boom'));
  const itself = {};
  itself.self = itself;
  console.warn(itself);
  assert.equal(lines[0], 'info a 1 {"b":["2"]} null undefined');
  assert.match(lines[1], /^error TypeError: boom\n/);
  assert.equal(lines[2], 'warn [object Object]');
});
