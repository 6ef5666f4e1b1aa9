// JSON whose numbers lose no digit.

// Strings are matched too, so that what looks like a number within one is left alone.
const TOKENS = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

/**
 * Parses JSON; a number that a double does not hold exactly comes as its text: `9007199254740993`,
 * `0.1234567890123456789`. It is the rule by which labd itself writes such numbers.
 * @param {string} text
 * @returns {any}
 */
export function parseExact(text) {
  return JSON.parse(text.replace(TOKENS, (token) => (token[0] === '"' || isExact(token) ? token : `"${token}"`)));
}

/**
 * Whether a number survives a double: a safe integer, or at most 15 significant digits.
 * @param {string} number
 */
function isExact(number) {
  if (/^-?\d+$/.test(number)) return Number.isSafeInteger(Number(number));
  const digits = number.replace(/[eE].*$/, '').replace(/[-.]/g, '').replace(/^0+/, '');
  return digits.length <= 15 && Number.isFinite(Number(number));
}
