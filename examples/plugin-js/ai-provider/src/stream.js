// The API's chunks → labd's events.
//
// Servers leave out fields, send them empty, or end a stream in their own way; whatever can be
// understood is. The finish is told once everything before it is: at `[DONE]`, or at the end of the
// stream. A stream that ends without saying why is `unavailable`.

import { unavailable } from '../.labd/sdk/src/errors.js';
import { inStream } from './faults.js';

/** @import { Event, FinishReason, Usage } from '../.labd/sdk/src/contracts.js' */
/** @import { SseEvent } from '../.labd/sdk/src/stream.js' */

/** @typedef {{ index: number, id: string, name: string, hasArguments: boolean }} Call a call of a tool that is arriving */

/** @type {Record<string, FinishReason>} */
const REASONS = {
  stop: 'stop',
  length: 'length',
  tool_calls: 'tool-use',
  function_call: 'tool-use',
  content_filter: 'content-filter',
};

export class ChatDecoder {
  #model;
  #started = false;
  /** @type {Call[]} */
  #calls = [];
  /** @type {FinishReason | undefined} */
  #finish;

  /** @param {string} model the one that was asked for, unless the stream names another */
  constructor(model) {
    this.#model = model;
  }

  /** @param {SseEvent} frame @param {Event[]} events */
  frame({ data }, events) {
    if (data.trim() === '[DONE]') {
      this.end(events);
      return true;
    }
    let chunk;
    try {
      chunk = JSON.parse(data);
    } catch (error) {
      throw unavailable(`the stream holds something that is no JSON: ${/** @type {Error} */ (error).message}`);
    }
    const error = inStream(chunk);
    if (error) throw error;
    if (!this.#started) {
      this.#started = true;
      events.push({ tag: 'started', val: { model: chunk.model || this.#model, id: chunk.id ?? '' } });
    }
    const choice = chunk.choices?.[0];
    if (choice) {
      this.#delta(choice.delta ?? {}, events);
      if (choice.finish_reason) this.#finish = REASONS[choice.finish_reason] ?? 'other';
    }
    if (chunk.usage) events.push({ tag: 'usage', val: usage(chunk.usage) });
    return false;
  }

  /** @param {Event[]} events */
  end(events) {
    if (!this.#finish) throw unavailable('the stream ended before the model had finished');
    for (const call of this.#calls) {
      // A call without arguments is a call with none.
      if (!call.hasArguments) events.push({ tag: 'tool-fragment', val: { id: call.id, fragment: '{}' } });
      events.push({ tag: 'tool-finished', val: call.id });
    }
    // Some say `stop` after a call, too.
    const called = this.#finish === 'stop' && this.#calls.length > 0;
    events.push({ tag: 'finish', val: called ? 'tool-use' : this.#finish });
  }

  /** @param {any} delta @param {Event[]} events */
  #delta(delta, events) {
    const reasoning = delta.reasoning_content || delta.reasoning;
    if (typeof reasoning === 'string' && reasoning) events.push({ tag: 'reasoning', val: reasoning });
    if (typeof delta.content === 'string' && delta.content) events.push({ tag: 'text', val: delta.content });
    for (const call of Array.isArray(delta.tool_calls) ? delta.tool_calls : []) this.#call(call, events);
  }

  /** @param {any} part @param {Event[]} events */
  #call(part, events) {
    const index = part.index ?? 0;
    const name = part.function?.name;
    // Another id under the same index is another call: some servers number all of them 0.
    let call = this.#calls.findLast((one) => one.index === index && (!part.id || one.id === part.id));
    if (!call) {
      if (!name) return;
      call = { index, id: part.id || `call_${this.#calls.length}`, name, hasArguments: false };
      this.#calls.push(call);
      events.push({ tag: 'tool-started', val: { id: call.id, name } });
    }
    const fragment = part.function?.arguments;
    if (typeof fragment === 'string' && fragment) {
      call.hasArguments = true;
      events.push({ tag: 'tool-fragment', val: { id: call.id, fragment } });
    }
  }
}

/** A count that the server does not tell is not guessed. @param {any} told @returns {Usage} */
function usage(told) {
  return {
    input: count(told.prompt_tokens),
    cachedInput: count(told.prompt_tokens_details?.cached_tokens),
    output: count(told.completion_tokens),
    reasoning: count(told.completion_tokens_details?.reasoning_tokens),
  };
}

/** @param {unknown} value */
const count = (value) => (Number.isSafeInteger(value) && Number(value) >= 0 ? Number(value) : undefined);
