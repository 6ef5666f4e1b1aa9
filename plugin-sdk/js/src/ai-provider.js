// Plugins of kind `ai-provider`.

import { PluginError, asPluginError, invalidRequest, unavailable } from './errors.js';

/**
 * @import {
 *   CompletionResource, Embeddings, EmbedRequest, Event, Info, Model, ProviderExports, Request,
 * } from './contracts.js'
 */
/** @import { Frames } from './stream.js' */

/**
 * A running answer.
 * @typedef {object} Answer
 * @property {(max: number) => Event[]} next waits for at least one event and gives those that are
 *   ready, at most `max`; empty at the end. It is not called again after the end or an error.
 */

/**
 * A provider. It keeps no state between requests and never retries: that is the gateway's duty.
 * @typedef {object} AiProvider
 * @property {() => Info} describe pure: no configuration, no network
 * @property {(config: string) => Model[]} models
 * @property {(config: string, request: Request) => Answer} complete returns when the upstream has
 *   accepted the request, or throws how it refused it
 * @property {(config: string, request: EmbedRequest) => Embeddings} [embed] texts into vectors;
 *   without it that is `invalid-request`
 */

/**
 * What turns an upstream's frames into events.
 * @template T
 * @typedef {object} EventDecoder
 * @property {(frame: T, events: Event[]) => boolean | void} frame maps one frame; true when that was
 *   all and the rest of the stream is not read. Events that were added before it throws are still
 *   delivered.
 * @property {(events: Event[]) => void} [end] the stream ended before `frame` said so. Without it
 *   that is `unavailable`: the upstream must say why it ends.
 */

/**
 * An answer from a stream of frames: it waits only when nothing is ready, keeps what is beyond `max`,
 * and delivers what came before an error.
 * @template T
 * @implements {Answer}
 */
export class Streamed {
  #frames;
  #decoder;
  /** @type {Event[]} */
  #ready = [];
  /** @type {PluginError | undefined} */
  #failed;
  #done = false;

  /** @param {Frames<T>} frames @param {EventDecoder<T>} decoder */
  constructor(frames, decoder) {
    this.#frames = frames;
    this.#decoder = decoder;
  }

  /** @param {number} max @returns {Event[]} */
  next(max) {
    if (!this.#failed) {
      try {
        this.#pump(max);
      } catch (thrown) {
        this.#failed = asPluginError(thrown);
        this.#done = true;
      }
    }
    if (this.#done) this.#frames.close();
    if (this.#ready.length === 0 && this.#failed) throw this.#failed;
    return this.#ready.splice(0, max);
  }

  /** @param {number} max */
  #pump(max) {
    for (;;) {
      this.#decodeReady(max);
      if (this.#done || this.#ready.length > 0) return;
      if (this.#frames.fill()) continue;
      // The end of the body may release a frame that had no end of its own.
      this.#decodeReady(Infinity);
      if (!this.#done) {
        this.#done = true;
        if (!this.#decoder.end) throw unavailable('the connection ended in the middle of the answer');
        this.#decoder.end(this.#ready);
      }
      return;
    }
  }

  /** @param {number} max */
  #decodeReady(max) {
    while (!this.#done && this.#ready.length < max) {
      const frame = this.#frames.ready();
      if (frame === undefined) return;
      this.#done = this.#decoder.frame(frame, this.#ready) === true;
    }
  }
}

/**
 * The contract's exports over a provider: `export const provider = aiProvider(new MyProvider(host))`.
 *
 * Whatever a provider throws becomes an error of the contract, so that a programming error fails one
 * call and does not cost the instance.
 * @param {AiProvider} implementation
 * @returns {ProviderExports}
 */
export function aiProvider(implementation) {
  /** @implements {CompletionResource} */
  class Completion {
    /** @type {Answer | null} */
    #answer;

    /** @param {Answer} answer */
    constructor(answer) {
      this.#answer = answer;
    }

    /** @param {number} max */
    next(max) {
      const answer = this.#answer;
      if (answer === null) return [];
      /** @type {Event[]} */
      let events = [];
      try {
        events = answer.next(Math.max(1, max));
      } catch (thrown) {
        this.#answer = null;
        throw asPluginError(thrown);
      }
      // What the answer holds is let go as soon as it has ended.
      if (events.length === 0) this.#answer = null;
      return events;
    }
  }
  return {
    // An answer is made by `complete` only; the contract has no constructor.
    Completion: /** @type {any} */ (Completion),
    describe: () => guarded(() => implementation.describe()),
    models: (config) => guarded(() => implementation.models(config)),
    complete: (config, request) => guarded(() => new Completion(implementation.complete(config, request))),
    embed: (config, request) =>
      guarded(() => {
        if (!implementation.embed) throw invalidRequest('this provider has no embeddings');
        return implementation.embed(config, request);
      }),
  };
}

/**
 * @template T
 * @param {() => T} work
 * @returns {T}
 */
function guarded(work) {
  try {
    return work();
  } catch (thrown) {
    throw asPluginError(thrown);
  }
}
