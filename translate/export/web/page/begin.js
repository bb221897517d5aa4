"use strict";
// The beginning: what the page says about its model, what it begins with, and the loading.

tell(`${about.from} → ${about.to}`);
$("size").querySelector("[value=trained]").textContent = `the model’s size, ${about.size[1]} × ${about.size[0]}, enlarged`;
$("size").value = about.lines && !about.labels && !about.typed ? "trained" : "picture";
$("alpha").checked = !about.lines; // a line drawing is mostly transparent: the colours would go with it
fullSize.remove();
$("camera").hidden = !Camera.possible || Boolean(about.labels);
if (about.labels) swatches();
$("type").hidden = !about.typed;
if (about.typed) {
  $("text").lang = about.typed.language;
  $("text").value = about.typed.example;
  $("type").onclick();
} else if (about.lines) {
  board.example();
  $("draw").onclick();
}

loading().then((loaded) => {
  engine = new Engine(loaded, about);
  begin();
}).catch(fail);
