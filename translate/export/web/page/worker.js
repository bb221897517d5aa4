"use strict";
// Runs the model, beside the page so that it stays responsive. The build puts onnxruntime-web's script (`ort`) before.

let session, about;

onmessage = async ({ data }) => {
  try {
    if (data.start) {
      await start(data.start);
      postMessage({ ready: true });
    } else {
      const began = performance.now();
      const pixels = await (data.latents ? sample(data) : translate(data));
      postMessage({ pixels, seconds: (performance.now() - began) / 1000 }, [pixels.buffer]);
    }
  } catch (error) {
    // The runtime throws numbers (C++ addresses) when its memory is full.
    postMessage({ error: error instanceof Error ? error.message : `the runtime stopped (${error})` });
  }
};

async function start({ glue, wasm, model, facts }) {
  about = facts;
  ort.env.logLevel = "error";
  ort.env.wasm.wasmBinary = wasm;
  // A blob: file:// pages may not import modules from files. Threads: by the runtime, where the page is isolated.
  ort.env.wasm.wasmPaths = { mjs: URL.createObjectURL(new Blob([glue], { type: "text/javascript" })) };
  session = await ort.InferenceSession.create(model, { executionProviders: ["wasm"] });
}

/** RGBA in, RGBA of the same size out: translated on the model's background; `alpha`: with the picture's alpha put back.
 * ofGrey: from a grayscale file; grey: as greys, as picture.py and Translator.finish do with such files.
 * squares: of pictures of the training's size side by side, each by itself. */
async function translate({ pixels, width, height, trained, alpha, ofGrey, grey, squares }) {
  const picture = flatten(pixels, ofGrey ? about.background.map(() => luma(about.background, 0)) : about.background);
  const scale = trained ? Math.sqrt((about.size[0] * about.size[1]) / (width * height)) : 1;
  const way = squares ? inSquares : scale < 1 ? atTrainedSize : run;
  const result = await way(picture, width, height, scale);
  const out = new Uint8ClampedArray(4 * width * height);
  for (let i = 0, j = 0; i < out.length; i += 4, j += 3) {
    for (let c = 0; c < 3; c++) out[i + c] = grey ? luma(result, j) : result[j + c];
    out[i + 3] = alpha ? pixels[i + 3] : 255;
  }
  return out;
}

/** The luma of the three levels at `at`. */
function luma(levels, at) {
  return Math.round(0.299 * levels[at] + 0.587 * levels[at + 1] + 0.114 * levels[at + 2]);
}

/** RGBA → RGB on a background, rounded as picture.py does it. */
function flatten(pixels, background) {
  const rgb = new Uint8Array((pixels.length / 4) * 3);
  for (let i = 0, j = 0; i < pixels.length; i += 4, j += 3) {
    const alpha = pixels[i + 3];
    for (let c = 0; c < 3; c++) {
      rgb[j + c] = ((pixels[i + c] * alpha + background[c] * (255 - alpha) + 127) / 255) | 0;
    }
  }
  return rgb;
}

/** The model itself: RGB → RGB (a grey model gets the luma, as in picture.py). */
async function run(rgb, width, height) {
  const count = width * height;
  let levels = rgb;
  if (about.channels_in === 1) {
    levels = new Uint8Array(count);
    for (let i = 0, j = 0; i < count; i++, j += 3) {
      levels[i] = luma(rgb, j);
    }
  }
  const image = new ort.Tensor("uint8", levels, [1, height, width, about.channels_in]);
  const { translated } = await session.run({ image });
  const data = translated.data;
  if (about.channels_out !== 1) return data;
  return Uint8Array.from({ length: 3 * count }, (_, i) => data[(i / 3) | 0]);
}

/** A GAN's pictures, RGBA, one after the other. latents: Float32Array of all; classes: the class of each, where there are any. */
async function sample({ latents, classes }) {
  const count = latents.length / about.latent;
  const given = { latent: new ort.Tensor("float32", latents, [count, about.latent]) };
  if (classes) given.class = new ort.Tensor("int64", BigInt64Array.from(classes, BigInt), [count]);
  const { data } = (await session.run(given)).image;
  const channels = about.channels_out, out = new Uint8ClampedArray((4 * data.length) / channels).fill(255);
  for (let i = 0, j = 0; i < out.length; i += 4, j += channels) {
    for (let c = 0; c < 3; c++) out[i + c] = data[j + Math.min(c, channels - 1)];
  }
  return out;
}

/** Pictures of the training's size side by side, each translated by itself, as it was trained for: over all of them a norm
 * would have other statistics, and a character would depend on its neighbours. Blank ones stay blank. */
async function inSquares(picture, width, height) {
  const [h, w] = about.size, out = picture.slice(), square = new Uint8Array(3 * h * w);
  for (let top = 0; top < height; top += h) {
    for (let left = 0; left < width; left += w) {
      const at = (row) => 3 * ((top + row) * width + left);
      for (let row = 0; row < h; row++) square.set(picture.subarray(at(row), at(row) + 3 * w), 3 * w * row);
      if (square.every((level) => level === 255)) continue;
      const made = await run(square, w, h);
      for (let row = 0; row < h; row++) out.set(made.subarray(3 * w * row, 3 * w * (row + 1)), at(row));
    }
  }
  return out;
}

/** Translate a reduced picture, and add the enlarged change to the full one: its lines stay as sharp as they are. */
async function atTrainedSize(picture, width, height, scale) {
  const w = Math.max(1, Math.round(width * scale)), h = Math.max(1, Math.round(height * scale));
  const small = reduce(picture, width, height, w, h);
  const change = Float32Array.from(await run(small, w, h), (level, i) => level - small[i]);
  const out = new Uint8ClampedArray(picture.length);
  const columns = weights(width, w), rows = weights(height, h);
  for (let y = 0, i = 0; y < height; y++) {
    const [top, bottom, down] = rows[y];
    for (let x = 0; x < width; x++) {
      const [left, right, along] = columns[x];
      for (let c = 0; c < 3; c++, i++) {
        const at = (row, column) => change[3 * (row * w + column) + c];
        const above = at(top, left) + along * (at(top, right) - at(top, left));
        const below = at(bottom, left) + along * (at(bottom, right) - at(bottom, left));
        out[i] = picture[i] + above + down * (below - above);
      }
    }
  }
  return out;
}

/** For every one of `many` pixels: its two neighbours among `few`, and how far it lies towards the second. */
function weights(many, few) {
  return Array.from({ length: many }, (_, i) => {
    const place = Math.min(Math.max(((i + 0.5) * few) / many - 0.5, 0), few - 1);
    const first = Math.floor(place);
    return [first, Math.min(first + 1, few - 1), place - first];
  });
}

/** RGB reduced by averaging: every pixel counts for the one that its centre falls into. */
function reduce(rgb, width, height, w, h) {
  const sums = new Float64Array(3 * w * h), counts = new Uint32Array(w * h);
  for (let y = 0, i = 0; y < height; y++) {
    const row = Math.floor(((y + 0.5) * h) / height) * w;
    for (let x = 0; x < width; x++, i += 3) {
      const cell = row + Math.floor(((x + 0.5) * w) / width);
      counts[cell]++;
      for (let c = 0; c < 3; c++) sums[3 * cell + c] += rgb[i + c];
    }
  }
  return Uint8Array.from(sums, (sum, i) => Math.round(sum / counts[(i / 3) | 0]));
}
