"use strict";
// Pictures as pixels: a file becomes something to draw, anything to draw becomes RGBA.

/** {picture, grey, bits} of a file: an upright ImageBitmap or <img>, and what its header says. Error when the browser
 * can't read it. */
async function openPicture(file) {
  const name = file.name || "What was pasted";
  try {
    if (file.type === "image/svg+xml") return { picture: await openDrawing(file), grey: false, bits: 8 };
    const picture = await createImageBitmap(file, { premultiplyAlpha: "none" });
    return { picture, ...headerOf(new Uint8Array(await file.arrayBuffer())) };
  } catch {
    throw new Error(`${name} is not a picture that this browser can read.`);
  }
}

async function openDrawing(file) {
  const image = new Image();
  image.src = URL.createObjectURL(file);
  await image.decode();
  // A drawing has no pixels of its own: at least enough of them to look good.
  const scale = Math.max(1, 512 / Math.max(image.naturalWidth, image.naturalHeight));
  image.width = Math.round(image.naturalWidth * scale);
  image.height = Math.round(image.naturalHeight * scale);
  return image;
}

/** Of label maps: every pixel of RGBA becomes the colour of its class, the nearest; of grey maps by its level. Returns
 * how many were of no class. */
function toClasses(data, { labels, ids }) {
  const known = new Map(labels.map((colour, i) => [String(colour), i]));
  let grey = ids.length > 0, others = 0;
  for (let i = 0; i < data.length && grey; i += 4) grey = data[i] === data[i + 1] && data[i] === data[i + 2];
  const nearest = (colour) => {
    others++;
    const far = labels.map((label) => label.reduce((sum, level, c) => sum + (level - colour[c]) ** 2, 0));
    return far.indexOf(Math.min(...far));
  };
  for (let i = 0; i < data.length; i += 4) {
    const colour = [data[i], data[i + 1], data[i + 2]];
    const level = grey ? ids.indexOf(colour[0]) : -1;
    const index = level >= 0 ? level : known.get(String(colour)) ?? nearest(colour);
    data.set([...labels[index], 255], i);
  }
  return others;
}

/** {data: RGBA, width, height} of a picture, reduced to at most `limit` pixels. */
function pixelsOf(picture, limit) {
  const full = { width: picture.videoWidth || picture.width, height: picture.videoHeight || picture.height };
  const scale = Math.min(1, Math.sqrt(limit / (full.width * full.height)));
  const width = Math.max(1, Math.floor(full.width * scale)), height = Math.max(1, Math.floor(full.height * scale));
  // float16 where there is such a canvas: with 8 bits, colours under partial transparency lose levels.
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true, colorType: "float16" });
  context.imageSmoothingQuality = "high";
  context.imageSmoothingEnabled = !about.labels; // colours between two classes may be a third one
  context.drawImage(picture, 0, 0, width, height);
  return { data: context.getImageData(0, 0, width, height).data, width, height, reduced: scale < 1, full };
}

/** What RGBA has: `clear`, pixels that are not opaque; `grey`, no pixel with a colour. */
function survey(data) {
  let clear = false, grey = true;
  for (let i = 0; i < data.length && (grey || !clear); i += 4) {
    if (data[i + 3] < 255) clear = true;
    if (data[i] !== data[i + 1] || data[i] !== data[i + 2]) grey = false;
  }
  return { clear, grey };
}

/** Put RGBA on a canvas on the page. enlarged: with pixels as squares, as those of icons are. */
function show(canvas, { data, width, height, enlarged }) {
  canvas.width = width;
  canvas.height = height;
  canvas.getContext("2d").putImageData(new ImageData(data, width, height), 0, 0);
  canvas.classList.toggle("small", Boolean(enlarged) || width * height < 128 * 128);
  canvas.hidden = false;
}
