"use strict";
// Several pictures, one after the other: which are to do, thumbnails of those done, names of those that can't be, a zip.

const THUMBNAIL = 192; // pixels on the longer side: of 96 on the page, for screens of two dots a pixel

class Several {
  /** look(item): called when a thumbnail is pressed. An item is {kind: "item", file, name, output, blob | problem …}. */
  constructor(look) {
    Object.assign(this, { look, items: [], follows: true });
    $("zip").onclick = () => this.save().catch((error) => say(error.message, true));
  }

  begin(files) {
    this.items = [];
    const taken = new Set();
    for (const file of files) {
      const name = file.name.replace(/\.[^.]*$/, "");
      let output = `${name}.png`;
      for (let n = 2; taken.has(output.toLowerCase()); n++) output = `${name} (${n}).png`;
      taken.add(output.toLowerCase());
      this.items.push({ file, name, output });
    }
    this.redo();
  }

  /** All of them once more, with other settings. */
  redo() {
    this.items = this.items.map(({ file, name, output }) => ({ kind: "item", file, name, output }));
    this.follows = true;
    $("thumbs").replaceChildren();
    $("skipped").replaceChildren();
    $("several").hidden = false;
    this.count();
  }

  /** The first that is neither done nor skipped. */
  next() {
    return this.items.find((item) => !item.blob && !item.problem);
  }

  /** Keep an item's result: its file, and a thumbnail on the page. */
  async keep(item, made) {
    const blob = await toPng(made);
    if (!this.items.includes(item)) return; // other files or settings came meanwhile
    Object.assign(item, { blob, width: made.width, height: made.height });
    this.close(item);
    const button = Object.assign(document.createElement("button"), { type: "button", title: item.file.name });
    button.ariaLabel = `Show ${item.file.name}`;
    button.onclick = () => this.look(item);
    const name = Object.assign(document.createElement("span"), { textContent: item.file.name });
    button.append(thumbnail(made), name);
    item.shown = document.createElement("li");
    item.shown.append(button);
    $("thumbs").append(item.shown);
    this.count();
  }

  skip(item, problem) {
    item.problem = problem;
    this.close(item);
    if (!this.items.includes(item)) return;
    const text = problem.includes(item.file.name) ? problem : `${item.file.name}: ${problem}`;
    $("skipped").append(Object.assign(document.createElement("li"), { textContent: text }));
    this.count();
  }

  /** Give back the memory of an item's pixels. */
  close(item) {
    item.picture?.close?.();
    delete item.picture;
  }

  /** Which of them is shown large; null: none. */
  mark(item) {
    this.marked = item;
    for (const other of this.items) other.shown?.firstChild.setAttribute("aria-pressed", String(other === item));
  }

  get done() {
    return this.items.filter((item) => item.blob);
  }

  get progress() {
    return `${this.items.filter((item) => item.blob || item.problem).length} of ${this.items.length}`;
  }

  count() {
    $("several-bar").max = this.items.length;
    $("several-bar").value = this.items.filter((item) => item.blob || item.problem).length;
    $("several-count").textContent = this.progress;
    $("zip").disabled = !this.done.length;
    $("zip").textContent = this.done.length ? `Save ${this.done.length} as a zip` : "Save as a zip";
  }

  stopped() {
    return `Stopped: ${this.done.length} of ${this.items.length} pictures are translated.`;
  }

  /** What to say at the end. */
  summary() {
    const skipped = this.items.length - this.done.length;
    const noted = this.done.filter((item) => item.notes);
    const text = [`${this.done.length} of ${this.items.length} pictures are translated${skipped ? `, ${skipped} skipped` : ""}.`];
    if (noted.length) text.push(`${noted[0].file.name}: ${noted[0].notes}`);
    if (noted.length > 1) text.push(`There is something to say about ${noted.length - 1} more: press their pictures above.`);
    return text.join(" ");
  }

  async save() {
    give(await toZip(this.done.map((item) => ({ name: item.output, blob: item.blob }))), "translated.zip");
  }
}

function thumbnail({ data, width, height }) {
  const full = new OffscreenCanvas(width, height), canvas = document.createElement("canvas");
  full.getContext("2d").putImageData(new ImageData(data, width, height), 0, 0);
  const scale = Math.min(1, THUMBNAIL / Math.max(width, height));
  canvas.width = Math.max(1, Math.round(width * scale));
  canvas.height = Math.max(1, Math.round(height * scale));
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(full, 0, 0, canvas.width, canvas.height);
  return canvas;
}
