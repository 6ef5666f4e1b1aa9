// What the operator configured, as the manifest's [config] describes it.

import * as errors from './errors.js';

/**
 * @typedef {object} Key
 * @property {'string' | 'url' | 'integer' | 'number' | 'boolean'} type
 * @property {boolean} [required] refused when it is missing
 * @property {unknown} [default] taken when it is missing
 * @property {number} [minimum]
 * @property {number} [maximum]
 */

/** An error about one key of the configuration: the message names it. @param {string} key @param {string} text */
export const wrongKey = (key, text) => errors.invalidRequest(`configuration: \`${key}\` ${text}`, { code: key });

/**
 * Reads a configuration. A wrong one is `invalid-request` with a message that names the key: an
 * unknown key, a missing one, a value of another type. `"false"` is no boolean.
 *
 * @param {string} text a JSON object, or nothing
 * @param {Record<string, Key>} keys what there may be
 * @returns {Record<string, any>} the values, with the defaults
 */
export function parseConfig(text, keys) {
  let given;
  try {
    given = text.trim() === '' ? {} : JSON.parse(text);
  } catch (error) {
    throw errors.invalidRequest(`configuration: it is no JSON: ${/** @type {Error} */ (error).message}`);
  }
  if (given === null || typeof given !== 'object' || Array.isArray(given)) {
    throw errors.invalidRequest('configuration: it must be a JSON object');
  }
  const unknown = Object.keys(given).find((key) => !Object.hasOwn(keys, key));
  if (unknown !== undefined) {
    throw wrongKey(unknown, `is not known; there are: ${Object.keys(keys).join(', ') || 'no keys'}`);
  }
  /** @type {Record<string, any>} */
  const values = {};
  for (const [name, key] of Object.entries(keys)) {
    const value = given[name] ?? undefined;
    if (value === undefined) {
      if (key.required) throw wrongKey(name, 'is required');
      values[name] = key.default;
      continue;
    }
    check(name, key, value);
    values[name] = value;
  }
  return values;
}

/** @param {string} name @param {Key} key @param {unknown} value */
function check(name, key, value) {
  switch (key.type) {
    case 'string':
      if (typeof value !== 'string') throw wrongKey(name, 'must be a text');
      break;
    case 'url':
      if (typeof value !== 'string' || !/^https?:\/\/[^\s/]/.test(value)) {
        throw wrongKey(name, 'must be an address such as https://api.example.com/v1');
      }
      break;
    case 'boolean':
      if (typeof value !== 'boolean') throw wrongKey(name, 'must be true or false');
      break;
    default:
      if (typeof value !== 'number' || (key.type === 'integer' && !Number.isInteger(value))) {
        throw wrongKey(name, key.type === 'integer' ? 'must be a whole number' : 'must be a number');
      }
      if (value < (key.minimum ?? -Infinity) || value > (key.maximum ?? Infinity)) {
        throw wrongKey(name, `must be from ${key.minimum ?? 'any'} to ${key.maximum ?? 'any'}`);
      }
  }
}
