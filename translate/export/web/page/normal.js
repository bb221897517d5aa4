"use strict";
// Random numbers by seed, and the way between two rows of them.

/** `length` numbers from N(0, 1), the same for a seed every time; other ones than torch has for it. */
function normal(seed, length) {
  let state = mixed(seed);
  const uniform = () => (mixed((state += 0x9e3779b9)) + 1) / 2 ** 32; // above 0, up to 1
  const row = new Float32Array(length);
  for (let i = 0; i < length; i += 2) {
    const far = Math.sqrt(-2 * Math.log(uniform())), angle = 2 * Math.PI * uniform(); // Box and Muller 1958
    row[i] = far * Math.cos(angle);
    if (i + 1 < length) row[i + 1] = far * Math.sin(angle);
  }
  return row;
}

/** 32 bits of a number, each of which depends on all: the last step of MurmurHash3. */
function mixed(number) {
  let bits = number | 0;
  for (const [shift, factor] of [[16, 0x85ebca6b], [13, 0xc2b2ae35]]) bits = Math.imul(bits ^ (bits >>> shift), factor);
  return (bits ^ (bits >>> 16)) >>> 0;
}

/** The row at `part` of the way from a to b: the direction along the great circle, the norm linearly, as
 * translate/model/sampler.py does it. */
function between(a, b, part) {
  const dot = (x, y) => x.reduce((sum, value, i) => sum + value * y[i], 0);
  const [long, wide] = [Math.sqrt(dot(a, a)), Math.sqrt(dot(b, b))];
  const angle = Math.acos(Math.min(Math.max(dot(a, b) / (long * wide), -1), 1)), sine = Math.sin(angle);
  if (!(sine > 1e-6)) return a.map((value, i) => (1 - part) * value + part * b[i]); // there is no one great circle
  const norm = ((1 - part) * long + part * wide) / sine;
  const [ofA, ofB] = [(norm * Math.sin((1 - part) * angle)) / long, (norm * Math.sin(part * angle)) / wide];
  return a.map((value, i) => ofA * value + ofB * b[i]);
}
