"use strict";
// The page of a GAN: pictures from random numbers, several at once, and the way between two of them.

const COUNT = 16, COLUMNS = 4;
const [height, width] = about.size;
let engine, result; // result: {data, width, height, grey, name}, the large picture
let ready = false, busy = false, moved = false; // moved: the large picture is another one than is shown
let kind = null; // the class of all; null: each has another
let samples = [], ends = []; // {seed, kind, row, picture, tile}; the two that the slider goes between

/** Begin with the samples of other seeds, or of another class. */
function renew() {
  const classes = about.classes.length, first = Number($("seed").value);
  samples = Array.from({ length: COUNT }, (_, i) => {
    const seed = first + i;
    return { seed, kind: classes ? kind ?? i % classes : null, row: normal(seed, about.latent), tile: $("grid").children[i].firstChild };
  });
  for (const sample of samples) {
    sample.tile.title = sample.tile.ariaLabel = named(sample);
    sample.tile.onclick = () => choose(ends[1], sample, 100);
  }
  $("seeds").textContent = `to ${first + COUNT - 1}`;
  $("save-all").disabled = true;
  choose(samples[0], samples[1], $("way").value);
}

function named({ seed, kind }) {
  return kind === null ? `Seed ${seed}` : `Seed ${seed}, class ${about.classes[kind]}`;
}

/** Let the slider go from one sample to another; at: where it stands, in percent. */
function choose(from, to, at) {
  if (from !== to) ends = [from, to];
  for (const sample of samples) sample.tile.ariaPressed = String(ends.includes(sample));
  $("from").textContent = ends[0].seed;
  $("to").textContent = ends[1].seed;
  $("way").value = at;
  move();
}

function move() {
  const at = Number($("way").value), [from, to] = ends;
  $("way").ariaValueText = at % 100 ? `${at} % from seed ${from.seed} to ${to.seed}` : named(ends[at / 100]);
  moved = true;
  work();
}

/** Make what is missing, one picture after the other. */
async function work() {
  if (!ready || busy) return;
  busy = true;
  $("after").ariaBusy = "true";
  try {
    for (let sample; (sample = samples.find(({ picture }) => !picture)) || moved; ) {
      if (sample) show(sample.tile.firstChild, (sample.picture = await made(sample.row, sample.kind)));
      else await enlarge();
    }
    say("");
  } catch (error) {
    say(`The samples could not be made: ${error.message}.`.replace("..", "."), true);
  } finally {
    busy = false;
    $("after").ariaBusy = "false";
  }
}

/** Show the picture between the two ends. A class can't be in between: it is that of the nearer end. */
async function enlarge() {
  moved = false;
  const at = Number($("way").value), [from, to] = ends;
  const whole = at % 100 ? null : ends[at / 100];
  const picture = whole?.picture ?? (await made(between(from.row, to.row, at / 100), (at < 50 ? from : to).kind));
  result = { ...picture, name: whole ? `${about.to}-${whole.seed}` : `${about.to}-${from.seed}-to-${to.seed}-${at}` };
  show($("output"), result);
  $("nothing").hidden = true;
  $("save").disabled = false;
  $("save-all").disabled = samples.some(({ picture }) => !picture); // other ones may have begun meanwhile
  $("facts").textContent = `${width} × ${height} · ${whole ? named(whole) : `${at} % of the way`}`;
}

/** The model's picture of a latent and a class. */
async function made(row, kind) {
  const { pixels } = await engine.ask({ latents: row, classes: kind === null ? null : [kind] });
  return { data: pixels, width, height, grey: about.channels_out === 1 };
}

/** All samples in one picture, in reading order. */
function sheet() {
  const rows = COUNT / COLUMNS, data = new Uint8ClampedArray(4 * COUNT * width * height);
  samples.forEach(({ picture }, i) => {
    for (let y = 0; y < height; y++) {
      const at = ((Math.floor(i / COLUMNS) * height + y) * COLUMNS + (i % COLUMNS)) * width;
      data.set(picture.data.subarray(4 * y * width, 4 * (y + 1) * width), 4 * at);
    }
  });
  const last = samples[COUNT - 1].seed;
  return { data, width: COLUMNS * width, height: rows * height, grey: about.channels_out === 1, name: `${about.to}-${samples[0].seed}-to-${last}` };
}

/** A button for each class, and one for all of them. */
function classButtons() {
  for (const [label, value] of [["All classes", null], ...about.classes.map((name, i) => [name, i])]) {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: label });
    button.ariaPressed = String(value === kind);
    button.onclick = () => {
      kind = value;
      for (const other of $("classes").children) other.ariaPressed = String(other === button);
      renew();
    };
    $("classes").append(button);
  }
  $("classes").hidden = false;
}

tell("Pictures from random numbers");
for (let i = 0; i < COUNT; i++) {
  const tile = Object.assign(document.createElement("button"), { type: "button", className: "tile" });
  tile.append(Object.assign(document.createElement("canvas"), { width, height }));
  $("grid").append(document.createElement("li"));
  $("grid").lastChild.append(tile);
}
if (about.classes.length) classButtons();
renew();

$("more").onclick = () => {
  $("seed").value = (samples[0].seed + COUNT) % (Number($("seed").max) + 1);
  renew();
};
$("seed").onchange = () => {
  $("seed").value = Math.min(Math.max(Math.floor(Number($("seed").value)) || 0, 0), Number($("seed").max));
  renew();
};
$("way").oninput = move;
$("save").onclick = async () => give(await toPng(result), `${result.name}.png`);
$("save-all").onclick = async () => {
  const all = sheet();
  give(await toPng(all), `${all.name}.png`);
};

loading().then(async (loaded) => {
  engine = new Engine(loaded, about);
  await engine.ready;
  ready = true;
  work();
}).catch((error) => say(`The model could not be started: ${error.message}.`.replace("..", "."), true))
  .finally(() => ($("loading").hidden = true));
