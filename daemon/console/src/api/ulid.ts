/** ULIDs: 48 bits of time, 80 random bits, in Crockford's base 32. */
const DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

export function ulid(now = Date.now()): string {
  let time = "";
  for (let left = now, count = 0; count < 10; count += 1) {
    time = DIGITS.charAt(left % 32) + time;
    left = Math.floor(left / 32);
  }
  let random = "";
  for (const byte of crypto.getRandomValues(new Uint8Array(16))) random += DIGITS.charAt(byte % 32);
  return time + random;
}
