"use strict";
// Zip files, stored: PNG files don't get smaller. Format: PKWARE's APPNOTE.TXT, 4.3.7 (local), 4.3.12 (central), 4.3.16 (end).

/** A zip file (Blob) of [{name, blob}]. Error when it would be larger than the format allows without extensions. */
async function toZip(files) {
  const parts = [], central = [];
  let offset = 0;
  const now = new Date();
  const time = (now.getHours() << 11) | (now.getMinutes() << 5) | (now.getSeconds() >> 1);
  const date = (Math.max(0, now.getFullYear() - 1980) << 9) | ((now.getMonth() + 1) << 5) | now.getDate();
  for (const { name, blob } of files) {
    const bytes = new TextEncoder().encode(name);
    // Version 2.0; names in UTF-8; stored; the size is there twice, since packed and unpacked are the same.
    const about = [[20, 2], [0x800, 2], [0, 2], [time, 2], [date, 2], [crc32(new Uint8Array(await blob.arrayBuffer())), 4],
      [blob.size, 4], [blob.size, 4], [bytes.length, 2], [0, 2]];
    const local = numbers([[0x04034b50, 4], ...about]);
    central.push(numbers([[0x02014b50, 4], [20, 2], ...about, [0, 2], [0, 2], [0, 2], [0, 4], [offset, 4]]), bytes);
    parts.push(local, bytes, blob);
    offset += local.length + bytes.length + blob.size;
  }
  const size = central.reduce((sum, part) => sum + part.length, 0);
  if (files.length > 0xfffe || offset + size > 0xfffffffe) throw new Error("These are too many for one zip file (4 GB); save them one by one.");
  const end = numbers([[0x06054b50, 4], [0, 2], [0, 2], [files.length, 2], [files.length, 2], [size, 4], [offset, 4], [0, 2]]);
  return new Blob([...parts, ...central, end], { type: "application/zip" });
}

/** [[number, its bytes: 2 or 4], …] as bytes, the lowest first. */
function numbers(list) {
  const bytes = new Uint8Array(list.reduce((sum, [, width]) => sum + width, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const [number, width] of list) {
    if (width === 4) view.setUint32(at, number, true);
    else view.setUint16(at, number, true);
    at += width;
  }
  return bytes;
}
