"use strict";
// Pictures as pixels: a file becomes something to draw, anything to draw becomes RGBA.

/** An upright ImageBitmap or <img> of a file; Error when the browser can't read it. */
async function openPicture(file) {
  const name = file.name || "What was pasted";
  try {
    if (file.type === "image/svg+xml") return await openDrawing(file);
    return await createImageBitmap(file, { premultiplyAlpha: "none" });
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

/** {data: RGBA, width, height} of a picture, reduced to at most `limit` pixels. */
function pixelsOf(picture, limit) {
  const full = { width: picture.videoWidth || picture.width, height: picture.videoHeight || picture.height };
  const scale = Math.min(1, Math.sqrt(limit / (full.width * full.height)));
  const width = Math.max(1, Math.floor(full.width * scale)), height = Math.max(1, Math.floor(full.height * scale));
  // float16 where there is such a canvas: with 8 bits, colours under partial transparency lose levels.
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true, colorType: "float16" });
  context.imageSmoothingQuality = "high";
  context.drawImage(picture, 0, 0, width, height);
  return { data: context.getImageData(0, 0, width, height).data, width, height, reduced: scale < 1, full };
}

/** Put RGBA on a canvas on the page. */
function show(canvas, { data, width, height }) {
  canvas.width = width;
  canvas.height = height;
  canvas.getContext("2d").putImageData(new ImageData(data, width, height), 0, 0);
  canvas.classList.toggle("small", width * height < 128 * 128); // pixels of icons are enlarged as squares
  canvas.hidden = false;
}
