"use strict";
// PNG files with exactly these pixels: a canvas keeps 8-bit colours multiplied by alpha, so its own files lose levels.

const CRC = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let k = 0; k < 8; k++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
  return n;
});

/** CRC-32 of bytes, as PNG and zip files have it. */
function crc32(bytes) {
  let crc = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) crc = CRC[(crc ^ bytes[i]) & 255] ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

/** A PNG file (Blob) of RGBA data: without alpha when it is opaque. grey: of one channel, since all three are equal. */
async function toPng({ data, width, height, grey = false }) {
  let opaque = true;
  for (let i = 3; opaque && i < data.length; i += 4) opaque = data[i] === 255;
  const channels = [...(grey ? [0] : [0, 1, 2]), ...(opaque ? [] : [3])];
  const rows = new Uint8Array(height * (1 + channels.length * width));
  for (let y = 0, i = 0, j = 0; y < height; y++) {
    rows[j++] = 1; // filter “Sub”: what is stored is the difference to the pixel on the left
    for (let x = 0; x < width; x++, i += 4) {
      for (const c of channels) rows[j++] = x ? data[i + c] - data[i + c - 4] : data[i + c];
    }
  }
  const packed = new Blob([rows]).stream().pipeThrough(new CompressionStream("deflate"));
  const header = new DataView(new ArrayBuffer(13));
  header.setUint32(0, width);
  header.setUint32(4, height);
  header.setUint8(8, 8);
  header.setUint8(9, (grey ? 0 : 2) + (opaque ? 0 : 4)); // the colour type
  const parts = [
    Uint8Array.of(137, 80, 78, 71, 13, 10, 26, 10),
    chunk("IHDR", new Uint8Array(header.buffer)),
    chunk("IDAT", new Uint8Array(await new Response(packed).arrayBuffer())),
    chunk("IEND", new Uint8Array()),
  ];
  return new Blob(parts, { type: "image/png" });
}

function chunk(name, content) {
  const bytes = new Uint8Array(12 + content.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, content.length);
  bytes.set(new TextEncoder().encode(name), 4);
  bytes.set(content, 8);
  view.setUint32(bytes.length - 4, crc32(bytes.subarray(4, -4)));
  return bytes;
}

/** Give a file to the user. */
function give(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
