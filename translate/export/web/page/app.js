"use strict";
// The page's work: what is on the left goes to the worker, and the result is shown on the right.

const LIVE = { seconds: 0.12, least: 96 * 96, most: 640 * 480 }; // a camera's frames are as large as stays fluent
const PATIENCE = 2000; // ms: a new picture ends a translation that has taken longer; else it waits for its end

let engine, clock, began, result; // result: {data, width, height, grey, name} as last shown; of several files `blob`, its PNG
let ready = false, busy = null, again = false, halted = false; // busy: what is being translated
let source = null; // {kind: "file" | "drawing" | "film", picture, name, grey, bits}, or {kind: "several"}
let liveLimit = 256 * 256;
const greyKept = about.channels_out === 3 && !about.labels && !about.adds_colour; // of grayscale files, as `convert` does
const fullSize = $("size").querySelector("[value=full]");
const several = new Several((item) => look(item));
const slider = new Slider({ frame: $("after"), home: $("before"), input: $("input"), output: $("output"), divider: $("divider") });
let compare = matchMedia("(max-width: 40rem)").matches; // on a phone two pictures in one frame are twice as large

/** Wait for the worker to be ready, and translate what came meanwhile. */
async function begin() {
  ready = false;
  try {
    await engine.ready;
  } catch (error) {
    return error instanceof Stopped || fail(error);
  }
  ready = true;
  $("loading").hidden = true;
  if (again) translate();
}

/** Translate what is on the left; when a translation is under way, once more after it. */
async function translate() {
  again = Boolean(source);
  halted = false;
  if (!again) return;
  if (!ready || busy) return buttons();
  const task = (busy = source.kind === "several" ? several.next() : source);
  again = false;
  if (task) await one(task);
  buttons();
  if (halted) return;
  if (source?.kind === "film") requestAnimationFrame(translate);
  else if (again || (source?.kind === "several" && several.next())) translate();
  else if (source?.kind === "several" && task) say(several.summary());
}

/** Translate one picture, drawing, frame or file of several. */
async function one(task) {
  const ofMany = task.kind === "item";
  const current = () => (ofMany ? source?.kind === "several" && several.follows && several.items.includes(task) : source === task);
  working(task.kind === "file" || $("output").hidden, !ofMany);
  try {
    if (ofMany && !task.picture) Object.assign(task, await openPicture(task.file));
    if (halted) return;
    const size = $("size").value;
    const squares = task.kind === "text";
    const taken = pixelsOf(task.picture, task.kind === "film" ? liveLimit : squares || size === "full" ? Infinity : about.limit);
    taken.others = about.labels ? toClasses(taken.data, about) : 0;
    if (task.kind === "file" || ofMany) remark(task, taken);
    if (task.kind === "file") display(taken);
    const grey = greyKept && (ofMany ? task.grey : !$("grey-parts").hidden && $("grey").checked);
    const { width, height } = taken;
    const before = ofMany && { ...taken, data: taken.data.slice() };
    const settings = { trained: size === "trained", alpha: $("alpha").checked, ofGrey: task.grey, grey, squares };
    const { pixels, seconds } = await engine.ask({ pixels: taken.data, width, height, ...settings }, [taken.data.buffer]);
    const made = { data: pixels, width, height, grey: grey || about.channels_out === 1, name: task.name, enlarged: squares };
    if (ofMany) await several.keep(task, made);
    if (task.kind === "film") liveLimit = Math.min(Math.max((liveLimit * LIVE.seconds) / seconds, LIVE.least), LIVE.most);
    if (!current()) return;
    if (ofMany) display(before), several.mark(task);
    const soFar = ofMany ? `${several.progress} · ` : "";
    conclude(made, `${soFar}${width} × ${height} · ${seconds < 10 ? seconds.toFixed(2) : Math.round(seconds)} s`);
  } catch (error) {
    if (error instanceof Stopped) return;
    if (ofMany) several.skip(task, error.message);
    if (ofMany && !task.picture) return;
    fail(error, ofMany);
  } finally {
    rest();
  }
}

/** Show what is translated, in the left frame or in the one that compares. */
function display(taken) {
  show($("input"), taken);
  slider.shape(taken);
  slider.turn(compare);
  if (slider.on) $("output").hidden = true; // another picture's
}

/** Show a result. facts: the line beside it. */
function conclude(made, facts) {
  result = made;
  show($("output"), made);
  $("nothing").hidden = true;
  $("save").disabled = false;
  $("facts").textContent = facts;
}

/** dim: show that the picture in the frame isn't the result yet. timed: show the seconds. */
function working(dim, timed) {
  $("after").classList.toggle("working", dim);
  $("after").ariaBusy = "true";
  began = Date.now();
  if (timed) clock = setInterval(() => ($("facts").textContent = `${Math.round((Date.now() - began) / 1000)} s …`), 1000);
  buttons();
}

function rest() {
  busy = null;
  clearInterval(clock);
  $("after").classList.remove("working");
  $("after").ariaBusy = "false";
}

/** What can be pressed now. */
function buttons() {
  const under = Boolean(busy || again || camera.on);
  const left = halted && Boolean(source);
  $("stop").disabled = !under && !left;
  $("stop").textContent = left && !under ? "Go on" : "Stop";
  $("slide").hidden = source?.kind !== "file" && source?.kind !== "several";
  $("slide").ariaPressed = String(compare);
}

/** End what is under way; what is finished stays. */
function stop() {
  const filming = source?.kind === "film";
  again = false;
  halted = true;
  if (filming) leaveCamera();
  if (ready && busy) engine.stop(), begin();
  if (source?.kind === "several") say(several.stopped());
  else say(filming ? "The camera is off." : "Stopped.");
  buttons();
}

function fail(error, ofMany = false) {
  const loading = !ready;
  if (loading) $("loading").hidden = true;
  else engine.start(), begin(); // a runtime that ran out of memory is of no more use
  if (ofMany) return;
  if (source?.kind === "film") leaveCamera();
  again = false;
  buttons();
  const pixels = fullSize.isConnected && $("size").value === "full" ? " Choose a smaller size." : "";
  say(`${loading ? "The model could not be started" : "The translation failed"}: ${error.message}.${pixels}`.replace("..", "."), true);
}

/** What there is to know and to choose about a file. */
function remark(task, { data, reduced, width, height, full, others }) {
  const ofMany = task.kind === "item", { clear, grey } = survey(data);
  if (!ofMany || clear) $("clear-parts").hidden = !clear;
  if (!ofMany) $("grey-parts").hidden = !(greyKept && grey);
  if (reduced && !fullSize.isConnected) $("size").append(fullSize);
  if (!ofMany && !reduced && $("size").value !== "full") fullSize.remove();
  const notes = [];
  if (others) notes.push(`${others} of its pixels have colours of no class; they were taken for the nearest.`);
  else if (reduced) notes.push(`The picture’s ${full.width} × ${full.height} pixels were reduced to ${width} × ${height} first. “Translate at” offers its full size.`);
  if (task.bits === 16) notes.push("The file has 16 bits a channel, of which a browser reads 8: the result has 8 bits, and “translate convert” keeps 16.");
  if (ofMany) task.notes = notes.join(" ");
  else say(notes.join(" "));
}
