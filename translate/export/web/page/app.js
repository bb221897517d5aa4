"use strict";
// The page: a picture, the drawing board or the camera on the left, the worker, and the result on the right.

const $ = (id) => document.getElementById(id);
const LIVE = { seconds: 0.12, least: 96 * 96, most: 640 * 480 }; // a camera's frames are as large as stays fluent

let worker, files, clock, result; // result: {data, width, height} as last shown
let ready = false, busy = false, again = false;
let source = null; // {kind: "file" | "drawing" | "film", picture, name}
let liveLimit = 256 * 256;
const fullSize = $("size").querySelector("[value=full]");
const camera = new Camera($("video"));
const board = new Board($("board"), about.size, about.labels?.[0] ?? about.background, () => translate(), about.labels);

// Translating --------------------------------------------------------------------------------------------------------

function start() {
  ready = busy = false;
  worker?.terminate();
  worker = new Worker(URL.createObjectURL(new Blob([files.worker], { type: "text/javascript" })));
  worker.onmessage = ({ data }) => (data.ready ? begin() : data.error ? fail(data.error) : finish(data));
  worker.onerror = (event) => fail(event.message);
  worker.postMessage({ start: { glue: files.glue, wasm: files.wasm, model: files.model, facts: about } });
}

function begin() {
  ready = true;
  $("loading").hidden = true;
  translate();
}

/** Translate what is on the left; when a translation is under way, once more after it. */
function translate() {
  again = Boolean(source);
  if (!source || !ready || busy) return;
  again = false;
  try {
    const size = $("size").value;
    const limit = source.kind === "film" ? liveLimit : size === "full" ? Infinity : about.limit;
    const taken = pixelsOf(source.picture, limit);
    taken.others = about.labels ? toClasses(taken.data, about) : 0;
    if (source.kind === "file") show($("input"), taken);
    remark(taken);
    busy = source;
    $("after").classList.toggle("working", source.kind === "file");
    $("after").ariaBusy = "true";
    const began = Date.now();
    clock = setInterval(() => ($("facts").textContent = `${Math.round((Date.now() - began) / 1000)} s …`), 1000);
    const { data: pixels, width, height } = taken;
    const request = { pixels, width, height, trained: size === "trained", alpha: $("alpha").checked };
    worker.postMessage(request, [pixels.buffer]);
  } catch (error) {
    fail(error.message);
  }
}

function finish({ pixels, width, height, seconds }) {
  const current = busy === source;
  rest();
  if (current) {
    result = { data: pixels, width, height };
    show($("output"), result);
    $("nothing").hidden = true;
    $("save").disabled = false;
    $("facts").textContent = `${width} × ${height} · ${seconds < 10 ? seconds.toFixed(2) : Math.round(seconds)} s`;
  }
  if (source?.kind === "film") {
    liveLimit = Math.min(Math.max((liveLimit * LIVE.seconds) / seconds, LIVE.least), LIVE.most);
    requestAnimationFrame(translate);
  } else if (again) translate();
}

function rest() {
  busy = false;
  clearInterval(clock);
  $("after").classList.remove("working");
  $("after").ariaBusy = "false";
}

function fail(text) {
  const loading = !ready;
  rest();
  again = false;
  if (loading) $("loading").hidden = true;
  else start(); // a runtime that ran out of memory is of no more use
  const pixels = fullSize.isConnected && $("size").value === "full" ? " Choose a smaller size." : "";
  say(`${loading ? "The model could not be started" : "The translation failed"}: ${text}.${pixels}`.replace("..", "."), true);
}

function say(text, bad = false) {
  $("message").textContent = text;
  $("message").classList.toggle("bad", bad);
}

/** What there is to know and to choose about the picture on the left. */
function remark({ data, reduced, width, height, full, others }) {
  $("clear-parts").hidden = source.kind !== "file" || !data.some((level, i) => i % 4 === 3 && level < 255);
  if (source.kind !== "file") return say("");
  if (reduced && !fullSize.isConnected) $("size").append(fullSize);
  if (!reduced && $("size").value !== "full") fullSize.remove();
  if (others) return say(`${others} of its pixels have colours of no class; they were taken for the nearest.`);
  say(reduced ? `The picture’s ${full.width} × ${full.height} pixels were reduced to ${width} × ${height} first. “Translate at” offers its full size.` : "");
}

// Where pictures come from -------------------------------------------------------------------------------------------

/** Make `kind` the source on the left: "file", "drawing" or "film". */
function use(kind, picture, name = "picture") {
  if (kind !== "film") camera.stop();
  source = { kind, picture, name };
  const shown = { file: "input", drawing: "board", film: "video" };
  for (const [other, id] of Object.entries(shown)) $(id).hidden = other !== kind;
  $("empty").hidden = true;
  $("drawing").hidden = kind !== "drawing";
  $("filming").hidden = kind !== "film";
  $("draw").ariaPressed = String(kind === "drawing");
  $("camera").ariaPressed = String(kind === "film");
  say("");
  translate();
}

async function useFile(file) {
  try {
    use("file", await openPicture(file), file.name?.replace(/\.[^.]*$/, ""));
  } catch (error) {
    say(error.message, true);
  }
}

async function film(starting) {
  try {
    $("turn").hidden = (await starting) < 2;
    use("film", $("video"), "camera");
  } catch (error) {
    say(error.message, true);
  }
}

$("file").onchange = () => {
  if ($("file").files[0]) useFile($("file").files[0]);
  $("file").value = ""; // the same file again is a change again
};
addEventListener("dragover", (event) => {
  event.preventDefault();
  document.body.classList.add("dropping");
});
for (const end of ["dragleave", "drop"]) addEventListener(end, () => document.body.classList.remove("dropping"));
addEventListener("drop", (event) => {
  event.preventDefault();
  if (event.dataTransfer.files[0]) useFile(event.dataTransfer.files[0]);
});
addEventListener("paste", (event) => {
  if (event.clipboardData.files[0]) useFile(event.clipboardData.files[0]);
});

$("draw").onclick = () => use("drawing", $("board"), "drawing");
$("undo").onclick = () => board.undo();
$("clear").onclick = () => board.clear();
const pen = () => {
  const rubber = $("rubber").ariaPressed === "true";
  board.pen = { width: ($("pen").value * (rubber ? 3 : 1)) / 72, colour: rubber ? null : $("colour").value };
};
$("pen").value = about.labels ? 6 : 2;
$("pen").oninput = pen;
$("colour").oninput = () => {
  $("rubber").ariaPressed = "false";
  pen();
};
$("rubber").onclick = () => {
  $("rubber").ariaPressed = String($("rubber").ariaPressed !== "true");
  pen();
};

/** Instead of any colour: one button for each class. */
function swatches() {
  $("colouring").hidden = $("rubber").hidden = true;
  $("swatches").hidden = false;
  $("size").querySelector("[value=trained]").remove(); // which adds a change to the picture
  about.labels.forEach((label, i) => {
    const button = Object.assign(document.createElement("button"), { type: "button", className: "swatch" });
    button.ariaLabel = button.title = about.ids.length ? `Class ${about.ids[i]}` : `Class ${i + 1}: ${board.hex(label)}`;
    button.style.background = board.hex(label);
    button.onclick = () => {
      for (const other of $("swatches").children) other.ariaPressed = String(other === button);
      $("colour").value = board.hex(label);
      pen();
    };
    $("swatches").append(button);
  });
  $("swatches").children[1].click();
}

$("camera").onclick = () => film(camera.start());
$("turn").onclick = () => film(camera.turn());
$("snap").onclick = async () => use("file", await createImageBitmap($("video")), "camera");

$("size").onchange = $("alpha").onchange = () => translate();
$("save").onclick = async () => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await toPng(result));
  link.download = `${source.name}-translated.png`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
};

// Beginning ----------------------------------------------------------------------------------------------------------

$("lead").textContent = `${about.from} → ${about.to}`;
$("size").querySelector("[value=trained]").textContent = `the model’s size, ${about.size[1]} × ${about.size[0]}, then enlarged`;
$("size").value = about.lines && !about.labels ? "trained" : "picture";
$("alpha").checked = !about.lines; // a line drawing is mostly transparent: the colours would go with it
fullSize.remove();
for (const [term, text] of about.facts) {
  $("about-list").append(Object.assign(document.createElement("dt"), { textContent: term }));
  $("about-list").append(Object.assign(document.createElement("dd"), { textContent: text }));
}
$("camera").hidden = !Camera.possible || Boolean(about.labels);
if (about.labels) swatches();
if (about.lines) {
  board.example();
  $("draw").onclick();
}

load((done, total) => {
  $("progress").value = done / total;
  const mb = (bytes) => (bytes / 1e6).toFixed(1);
  $("loaded").textContent = done < total ? `Loading: ${mb(done)} of ${mb(total)} MB` : "Starting …";
}).then((loaded) => {
  files = loaded;
  start();
}).catch((error) => fail(error.message));
