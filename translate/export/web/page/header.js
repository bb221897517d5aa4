"use strict";
// What a file's header says and the browser's decoder doesn't tell: whether it is a grayscale file, and its bits.

/** {grey, bits} of the bytes of an image. grey: one channel, as `translate convert` sees it. bits: of a PNG's channel, else 8. */
function headerOf(bytes) {
  const starts = (text) => [...text].every((letter, i) => bytes[i] === letter.charCodeAt(0));
  if (starts("\x89PNG")) return { grey: bytes[25] === 0 || bytes[25] === 4, bits: bytes[24] };
  if (starts("\xff\xd8")) return { grey: jpegChannels(bytes) === 1, bits: 8 };
  if (starts("GIF8")) return { grey: Boolean(bytes[10] & 128) && ramp(bytes, 13, 2 << (bytes[10] & 7), 3), bits: 8 };
  if (starts("BM")) return { grey: greyBitmap(new DataView(bytes.buffer)), bits: 8 };
  return { grey: false, bits: 8 };
}

/** The number of channels in a JPEG's frame header; 0 if there is none. */
function jpegChannels(bytes) {
  for (let at = 2; at + 9 < bytes.length && bytes[at] === 0xff; ) {
    const marker = bytes[at + 1];
    if (marker === 0xff) at += 1; // filling
    else if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) return bytes[at + 9];
    else at += 2 + (bytes[at + 2] << 8) + bytes[at + 3];
  }
  return 0;
}

/** Whether `count` colours of a palette are the greys 0, 1, 2 … (of two: 0 and 255), which Pillow takes for grayscale. */
function ramp(bytes, at, count, step, two = [0, 1]) {
  for (let i = 0; i < count; i++) {
    const level = count === 2 ? two[i] : i;
    for (let c = 0; c < 3; c++) if (bytes[at + i * step + c] !== level) return false;
  }
  return true;
}

function greyBitmap(view) {
  if (view.byteLength < 54 || view.getUint32(14, true) < 40) return false;
  const bits = view.getUint16(28, true);
  const count = view.getUint32(46, true) || 1 << bits;
  const at = 14 + view.getUint32(14, true);
  if (bits > 8 || count > 256 || at + 4 * count > view.byteLength) return false;
  return ramp(new Uint8Array(view.buffer), at, count, 4, [0, 255]);
}
