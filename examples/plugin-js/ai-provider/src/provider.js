// The Chat Completions API, as OpenAI and the many servers that follow it speak it.
//
// | module | what it maps |
// | --- | --- |
// | request.js | labd's request → the API's body |
// | stream.js | the API's chunks → labd's events |
// | faults.js | the API's errors → labd's |

import { Streamed } from '../.labd/sdk/src/ai-provider.js';
import { parseConfig } from '../.labd/sdk/src/config.js';
import { request as send } from '../.labd/sdk/src/http.js';
import { readSse } from '../.labd/sdk/src/stream.js';
import { ofResponse } from './faults.js';
import { toBody } from './request.js';
import { ChatDecoder } from './stream.js';

/** @import { Host, Request } from '../.labd/sdk/src/contracts.js' */

/** The most bytes of a list of models. */
const MODELS_LIMIT = 4 * 1024 * 1024;

/** @type {Record<string, import('../.labd/sdk/src/config.js').Key>} */
const CONFIG = { 'base-url': { type: 'url', required: true } };

export class ChatProvider {
  #host;

  /** @param {Host} host */
  constructor(host) {
    this.#host = host;
  }

  describe() {
    return {
      name: 'Chat Completions (JavaScript)',
      description: 'Any server that speaks the Chat Completions API.',
      capabilities: { tools: true, strictTools: true, images: true, structuredOutput: true, reasoning: true },
    };
  }

  /** @param {string} config */
  models(config) {
    const response = this.#ask(address(config, '/models'), { headers: { accept: 'application/json' } });
    const { data } = response.json(MODELS_LIMIT);
    return (Array.isArray(data) ? data : [])
      .filter((model) => typeof model?.id === 'string')
      .map((model) => ({
        id: model.id,
        name: typeof model.name === 'string' && model.name !== '' ? model.name : model.id,
        contextWindow: Number.isInteger(model.context_length) ? model.context_length : undefined,
      }))
      .sort((one, other) => (one.id < other.id ? -1 : 1));
  }

  /** @param {string} config @param {Request} request */
  complete(config, request) {
    const response = this.#ask(address(config, '/chat/completions'), {
      headers: { accept: 'text/event-stream' },
      json: toBody(request),
    });
    return new Streamed(readSse(response.body), new ChatDecoder(request.model));
  }

  /**
   * An answer that is an error is thrown here.
   * @param {string} url
   * @param {import('../.labd/sdk/src/http.js').RequestOptions} options
   */
  #ask(url, options) {
    const response = send(this.#host, url, options);
    if (!response.ok) throw ofResponse(response, () => this.#host.now());
    return response;
  }
}

/** @param {string} config @param {string} path */
function address(config, path) {
  const base = parseConfig(config, CONFIG)['base-url'].trim().replace(/\/+$/, '');
  return base + path;
}
