import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asPluginError } from '../.labd/sdk/src/errors.js';
import { FakeHost, everySplit } from '../.labd/sdk/src/testing.js';
import { ChatProvider } from '../src/provider.js';

const CONFIG = '{"base-url":"http://ai.example/v1/"}';

const request = (more = {}) => ({
  model: 'm',
  system: [],
  messages: [{ role: 'user', parts: [{ tag: 'text', val: 'Hello' }] }],
  tools: [],
  toolChoice: { tag: 'automatic' },
  stop: [],
  maxTokens: null,
  ...more,
});

/** Events until the end, and the error that ended them. */
function answer(host, asked = request()) {
  const events = [];
  try {
    const completion = new ChatProvider(host).complete(CONFIG, asked);
    for (let batch = completion.next(64); batch.length > 0; batch = completion.next(64)) events.push(...batch);
    return { events };
  } catch (thrown) {
    return { events, error: asPluginError(thrown).payload };
  }
}

const chunk = (choice, more = {}) =>
  `data: ${JSON.stringify({ id: 'c1', model: 'm-1', choices: choice ? [{ index: 0, ...choice }] : [], ...more })}\n\n`;
const text = (content) => chunk({ delta: { content } });
const USAGE = chunk(null, {
  usage: { prompt_tokens: 9, prompt_tokens_details: { cached_tokens: 4 }, completion_tokens: 2 },
});

test('a text is streamed with its usage and its reason, however its bytes were split', () => {
  const stream = `: hi\r\n\r\n${text('Grö')}${text('ße 😀')}${chunk({ delta: {}, finish_reason: 'stop' })}${USAGE}data: [DONE]\n\n`;
  for (const pieces of everySplit(stream)) {
    const { events } = answer(new FakeHost().respond(200, pieces));
    assert.deepEqual(events, [
      { tag: 'started', val: { model: 'm-1', id: 'c1' } },
      { tag: 'text', val: 'Grö' },
      { tag: 'text', val: 'ße 😀' },
      { tag: 'usage', val: { input: 9, cachedInput: 4, output: 2, reasoning: undefined } },
      { tag: 'finish', val: 'stop' },
    ]);
  }
});

test('tools are asked for, called and answered', () => {
  const call = (index, id, name, args) =>
    chunk({ delta: { tool_calls: [{ index, id, function: { name, arguments: args } }] } });
  const host = new FakeHost().respond(200, [
    call(0, 'a', 'rain', '') + call(0, undefined, undefined, '{"city"') + call(0, undefined, undefined, ':"Ulm"}'),
    call(1, 'b', 'now', '') + chunk({ delta: {}, finish_reason: 'tool_calls' }),
  ]);
  const { events } = answer(
    host,
    request({
      system: ['Be brief.'],
      messages: [
        { role: 'user', parts: [{ tag: 'text', val: 'Hi' }, { tag: 'image', val: { mediaType: 'image/png', data: Uint8Array.of(1, 2, 3) } }] },
        { role: 'assistant', parts: [{ tag: 'tool-use', val: { id: 'x', name: 'rain', arguments: '{}' } }] },
        { role: 'user', parts: [{ tag: 'tool-result', val: { id: 'x', content: 'no', isError: true } }] },
      ],
      tools: [{ name: 'rain', description: 'Tells.', parameters: '{"type":"object"}', strict: true }],
      toolChoice: { tag: 'named', val: 'rain' },
      outputSchema: '{"type":"string"}',
      maxTokens: 5,
      temperature: 0,
      stop: ['END'],
      parallelTools: false,
      topP: 0.5,
      effort: 'highest',
      user: 'u-7',
    }),
  );
  assert.deepEqual(events.slice(1), [
    { tag: 'tool-started', val: { id: 'a', name: 'rain' } },
    { tag: 'tool-fragment', val: { id: 'a', fragment: '{"city"' } },
    { tag: 'tool-fragment', val: { id: 'a', fragment: ':"Ulm"}' } },
    { tag: 'tool-started', val: { id: 'b', name: 'now' } },
    { tag: 'tool-finished', val: 'a' },
    { tag: 'tool-fragment', val: { id: 'b', fragment: '{}' } },
    { tag: 'tool-finished', val: 'b' },
    { tag: 'finish', val: 'tool-use' },
  ]);
  assert.equal(host.requests[0].url, 'http://ai.example/v1/chat/completions');
  assert.deepEqual(host.json(0), {
    model: 'm',
    messages: [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: [{ type: 'text', text: 'Hi' }, { type: 'image_url', image_url: { url: 'data:image/png;base64,AQID' } }] },
      { role: 'assistant', content: null, tool_calls: [{ id: 'x', type: 'function', function: { name: 'rain', arguments: '{}' } }] },
      { role: 'tool', tool_call_id: 'x', content: 'Error: no' },
    ],
    stream: true,
    stream_options: { include_usage: true },
    tools: [{ type: 'function', function: { name: 'rain', description: 'Tells.', parameters: { type: 'object' }, strict: true } }],
    tool_choice: { type: 'function', function: { name: 'rain' } },
    response_format: { type: 'json_schema', json_schema: { name: 'answer', schema: { type: 'string' }, strict: true } },
    max_tokens: 5,
    temperature: 0,
    stop: ['END'],
    parallel_tool_calls: false,
    top_p: 0.5,
    reasoning_effort: 'xhigh',
    user: 'u-7',
  });
});

test('an answer that is cut is unavailable, and what had come is kept', () => {
  const { events, error } = answer(new FakeHost().respond(200, [text('half')]));
  assert.deepEqual([events.length, error.tag], [2, 'unavailable']);
  const told = answer(new FakeHost().respond(200, [text('half'), 'data: {"error":{"message":"busy","type":"overloaded_error"}}\n\n']));
  assert.deepEqual([told.events.length, told.error], [2, { tag: 'overloaded' }]);
});

test('each refusal has its error', () => {
  const refused = (status, body, headers) => answer(new FakeHost().respond(status, [body], headers)).error;
  const error = (more) => JSON.stringify({ error: { message: 'why', ...more } });
  assert.equal(refused(401, 'Unauthorized').tag, 'unauthenticated');
  assert.equal(refused(400, error({ code: 'invalid_api_key' })).tag, 'unauthenticated');
  assert.deepEqual(refused(429, error(), { 'retry-after': '2' }), { tag: 'rate-limited', val: 2000 });
  assert.equal(refused(429, error({ code: 'insufficient_quota' })).tag, 'invalid-request');
  assert.equal(refused(404, error({ code: 'model_not_found' })).val.code, 'model_not_found');
  assert.deepEqual(refused(503, ''), { tag: 'overloaded' });
  assert.equal(refused(500, '<html>nginx').val.message, 'the server answered with a web page');
  assert.equal(refused(500, '["x"]').tag, 'unavailable');
});

test('models are listed by their id', () => {
  const host = new FakeHost().respondJson(200, { data: [{ id: 'b', context_length: 8192 }, { id: 'a', name: 'A' }, {}] });
  assert.deepEqual(new ChatProvider(host).models(CONFIG), [
    { id: 'a', name: 'A', contextWindow: undefined },
    { id: 'b', name: 'b', contextWindow: 8192 },
  ]);
  assert.equal(host.requests[0].url, 'http://ai.example/v1/models');
});

test('a wrong configuration names its key and asks nobody', () => {
  const host = new FakeHost();
  assert.throws(() => new ChatProvider(host).models('{}'), /`base-url` is required/);
  assert.equal(host.requests.length, 0);
});
