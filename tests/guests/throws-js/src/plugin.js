// A provider without the SDK around it: what it throws is what the engine gets. The last word of the
// request says what to do.

let calls = 0;

class Completion {
  #word;
  #told = false;

  constructor(word) {
    this.#word = word;
  }

  next() {
    if (this.#word === 'error') throw { tag: 'overloaded' };
    if (this.#word === 'throw') throw new TypeError('boom');
    if (this.#told) return [];
    this.#told = true;
    return [
      { tag: 'started', val: { model: 'm', id: '1' } },
      { tag: 'text', val: `call ${++calls}` },
      { tag: 'finish', val: 'stop' },
    ];
  }
}

export const provider = {
  Completion,
  describe: () => ({ name: 'Thrower', description: 'Throws.', capabilities: {}, defaultModel: 'm' }),
  models: () => [],
  complete(_, request) {
    const { parts } = request.messages.at(-1);
    const word = ['error', 'throw', 'count'].find((one) => parts.at(-1).val.trim().endsWith(one));
    return new Completion(word);
  },
  embed() {
    throw { tag: 'overloaded' };
  },
};
