"use strict";
// The beginning: what the page says about its model, what it begins with, and the loading.

$("lead").textContent = `${about.from} → ${about.to}`;
$("size").querySelector("[value=trained]").textContent = `the model’s size, ${about.size[1]} × ${about.size[0]}, enlarged`;
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
  engine = new Engine(loaded, about);
  begin();
}).catch(fail);
