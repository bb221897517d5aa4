"use strict";
// Where pictures come from: files, the drawing board, typed text and the camera; and what is pressed about them.

const camera = new Camera($("video"));
const board = new Board($("board"), about.size, about.labels?.[0] ?? about.background, () => translate(), about.labels, Boolean(about.labels || about.typed));
const letters = about.typed && new Letters($("typed"), about.size, about.typed);
const typing = { kind: "text", picture: $("typed"), name: "text" };
const SHOWN = { file: "input", several: "input", drawing: "board", text: "typed", film: "video" };

/** Make `next` the source on the left, and translate it. */
function use(next) {
  if (next.kind !== "film") camera.stop();
  if (busy && Date.now() - began > PATIENCE) engine.stop(), begin();
  if (source?.kind !== next.kind || next.kind === "several") $("clear-parts").hidden = $("grey-parts").hidden = true;
  source = next;
  for (const id of Object.values(SHOWN)) $(id).hidden = id !== SHOWN[next.kind];
  if (next.kind !== "file" && next.kind !== "several") slider.turn(false);
  if (next.kind === "drawing") slider.shape(null);
  if (next.kind === "film") slider.shape({ width: $("video").videoWidth, height: $("video").videoHeight });
  if (next.kind === "text") slider.shape($("typed"));
  if (next.kind !== "several") several.mark(null);
  $("empty").hidden = true;
  $("drawing").hidden = next.kind !== "drawing";
  $("typing").hidden = next.kind !== "text";
  $("choices").hidden = next.kind === "text";
  $("filming").hidden = next.kind !== "film";
  $("draw").ariaPressed = String(next.kind === "drawing");
  $("type").ariaPressed = String(next.kind === "text");
  $("camera").ariaPressed = String(next.kind === "film");
  say("");
  translate();
}

/** One file is translated, several one after the other. */
async function useFiles(files) {
  files = [...files];
  if (files.length > 1) {
    several.begin(files);
    $("input").hidden = $("output").hidden = true;
    return use({ kind: "several" });
  }
  try {
    const opened = await openPicture(files[0]);
    $("grey").checked = opened.grey;
    use({ kind: "file", ...opened, name: files[0].name?.replace(/\.[^.]*$/, "") ?? "picture" });
  } catch (error) {
    say(error.message, true);
  }
}

/** Show one of several: its file, and its result. */
async function look(item) {
  if (source?.kind !== "several") use({ kind: "several" }); // and goes on, if some are left
  several.follows = false;
  several.mark(item);
  try {
    const [{ picture }, made] = await Promise.all([openPicture(item.file), openPicture(item.blob)]);
    if (several.marked !== item) return; // another was pressed meanwhile
    const taken = pixelsOf(picture, item.width * item.height);
    if (about.labels) toClasses(taken.data, about);
    display(taken);
    conclude({ ...pixelsOf(made.picture, Infinity), blob: item.blob, name: item.name }, `${item.width} × ${item.height}`);
    say(item.notes);
  } catch (error) {
    say(error.message, true); // the file is no longer there
  }
}

async function film(starting) {
  try {
    $("turn").hidden = (await starting) < 2;
    use({ kind: "film", picture: $("video"), name: "camera" });
  } catch (error) {
    say(error.message, true);
  }
}

function leaveCamera() {
  camera.stop();
  source = null;
  $("video").hidden = $("filming").hidden = true;
  $("empty").hidden = false;
  $("camera").ariaPressed = "false";
}

$("file").onchange = () => {
  if ($("file").files.length) useFiles($("file").files);
  $("file").value = ""; // the same file again is a change again
};
addEventListener("dragover", (event) => {
  event.preventDefault();
  document.body.classList.add("dropping");
});
for (const end of ["dragleave", "drop"]) addEventListener(end, () => document.body.classList.remove("dropping"));
addEventListener("drop", (event) => {
  event.preventDefault();
  if (event.dataTransfer.files.length) useFiles(event.dataTransfer.files);
});
addEventListener("paste", (event) => {
  if (event.clipboardData.files.length) useFiles(event.clipboardData.files);
});

$("draw").onclick = () => use({ kind: "drawing", picture: $("board"), name: "drawing" });
$("type").onclick = $("text").oninput = () => {
  const missing = letters.write($("text").value);
  use(typing);
  say(lacking(missing, letters.fitting));
};
$("undo").onclick = () => board.undo();
$("clear").onclick = () => board.clear();
const pen = () => {
  const rubber = $("rubber").ariaPressed === "true";
  board.pen = { width: ($("pen").value * (rubber ? 3 : 1)) / 72, colour: rubber ? null : $("colour").value };
};
$("pen").value = about.labels ? 6 : about.typed ? 4 : 2;
$("pen").oninput = pen;
pen();
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

$("camera").onclick = () => (camera.on ? stop() : film(camera.start()));
$("turn").onclick = () => film(camera.turn());
$("snap").onclick = async () => use({ kind: "file", picture: await createImageBitmap($("video")), name: "camera", grey: false, bits: 8 });

$("size").onchange = $("alpha").onchange = $("grey").onchange = () => {
  if (source?.kind === "several") several.redo();
  translate();
};
$("stop").onclick = () => (halted && source && !busy && !again ? translate() : stop());
$("slide").onclick = () => {
  compare = !compare;
  slider.turn(compare);
  buttons();
};
$("save").onclick = async () => give(result.blob ?? (await toPng(result)), `${result.name}-translated.png`);
