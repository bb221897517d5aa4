"use strict";
// Brings the packed files: gzip in base64 in classic scripts, the one way that works on every host and from file://.

const $ = (id) => document.getElementById(id);
const about = JSON.parse(document.getElementById("about").textContent);
const pieces = {};

/** Called by every file in data/: piece number `index` of `name`. */
function packed(name, index, text) {
  (pieces[name] ??= [])[index] = text;
}

/** Say what the page knows of its model. */
function tell(lead) {
  $("lead").textContent = lead;
  for (const [term, text] of about.facts) {
    $("about-list").append(Object.assign(document.createElement("dt"), { textContent: term }));
    $("about-list").append(Object.assign(document.createElement("dd"), { textContent: text }));
  }
}

/** Load with a progress bar: the files of `load`. */
function loading() {
  return load((done, total) => {
    $("progress").value = done / total;
    const mb = (bytes) => (bytes / 1e6).toFixed(1);
    $("loaded").textContent = done < total ? `Loading: ${mb(done)} of ${mb(total)} MB` : "Starting …";
  });
}

function say(text, bad = false) {
  $("message").textContent = text;
  $("message").classList.toggle("bad", bad);
}

/** {name: ArrayBuffer} of everything in about.data; progress(bytes so far, bytes in all). */
async function load(progress) {
  if (!window.DecompressionStream || !window.OffscreenCanvas) {
    throw new Error("This browser is too old for this page; a version from 2023 or later can do it.");
  }
  const files = Object.values(about.data).flat();
  const total = files.reduce((sum, file) => sum + file.bytes, 0);
  let done = 0;
  progress(0, total);
  await Promise.all(files.map(async (file) => {
    await script(file.name);
    progress((done += file.bytes), total);
  }));
  const names = Object.keys(about.data);
  return Object.fromEntries(await Promise.all(names.map(async (name) => [name, await unpack(name)])));
}

function script(name) {
  return new Promise((resolve, reject) => {
    const element = document.createElement("script");
    element.src = name;
    element.onload = resolve;
    element.onerror = () => reject(new Error(`${name} could not be loaded. Is the folder complete, and the connection up? Reload the page to try again.`));
    document.head.append(element);
  });
}

async function unpack(name) {
  const parts = pieces[name].map(bytes);
  delete pieces[name];
  const stream = new Blob(parts).stream().pipeThrough(new DecompressionStream("gzip"));
  try {
    return await new Response(stream).arrayBuffer();
  } catch {
    throw new Error(`The files of ${name} in data/ are damaged. Export the model again.`);
  }
}

function bytes(text) {
  const binary = atob(text);
  const array = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) array[i] = binary.charCodeAt(i);
  return array;
}
