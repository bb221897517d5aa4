"use strict";
// The grids of images, and the slider that moves them through the training.
// uPlot formats numbers in the browser's language, which in some systems is no language at all ("en-US@posix").
try {
  new Intl.NumberFormat(navigator.language);
} catch {
  Object.defineProperty(navigator, "language", { value: "en" });
}

const data = JSON.parse(document.getElementById("data").textContent);
const $ = (id) => document.getElementById(id);
const LEAST = 100; // CSS pixels of an image in a grid, where there is room
const WIDEST = 165;
const GAP = 3;
const BETWEEN = 22; // CSS pixels between examples
const addresses = {};
const watchers = []; // called with the number of images that the slider shows
let moments = [];
let place = 0;

function make(parent, kind, className = "", text = "") {
  const made = document.createElement(kind);
  made.className = className;
  made.textContent = text;
  parent.append(made);
  return made;
}

const images = (count) => `${count.toLocaleString("en")} images`;

/** The address of a picture, made when it is first needed. */
function address(key) {
  if (!addresses[key]) {
    const bytes = Uint8Array.from(atob(data.pictures[key]), (letter) => letter.charCodeAt(0));
    addresses[key] = URL.createObjectURL(new Blob([bytes], { type: "image/webp" }));
  }
  return addresses[key];
}

/** An element that shows image `number` of the picture in the custom property --f<column> of an element around it. */
function tile(parent, grid, column, number, label) {
  const made = make(parent, "div", "tile");
  const counts = [grid.across, Math.ceil(grid.count / grid.across)];
  const places = [number % grid.across, Math.floor(number / grid.across)];
  const { style } = made;
  style.aspectRatio = `${grid.size[0]} / ${grid.size[1]}`;
  // Each image has an edge of one pixel around it in the picture, which is not shown.
  const whole = counts.map((count, axis) => count * (grid.size[axis] + 2));
  style.backgroundSize = whole.map((length, axis) => `${(100 * length) / grid.size[axis]}%`).join(" ");
  style.backgroundPosition = places.map((index, axis) =>
    `${(100 * (index * (grid.size[axis] + 2) + 1)) / (whole[axis] - grid.size[axis])}%`).join(" ");
  style.backgroundImage = `var(--f${column})`;
  made.setAttribute("role", "img");
  made.setAttribute("aria-label", label);
  return made;
}

/** Show what each column of a grid had after `seen` images: its newest picture until then, else its first. */
function turn(element, grid, seen) {
  grid.columns.forEach((column, index) => {
    const until = column.frames.filter(([count]) => count <= seen);
    const [, key] = until.length ? until[until.length - 1] : column.frames[0];
    element.style.setProperty(`--f${index}`, `url("${address(key)}")`);
  });
}

function sharpen(element, grid, width) {
  element.classList.toggle("sharp", width * devicePixelRatio >= 1.8 * grid.size[0]); // pixels below that are uneven
}

/** Examples of several columns (input, output …), as many side by side as there is room for. */
function examples(box, grid) {
  const columns = grid.columns.length;
  const widest = columns * (grid.count === 1 ? 1100 : WIDEST);
  const width = box.clientWidth || 320;
  const room = Math.floor((width + BETWEEN) / (columns * (LEAST + GAP) + BETWEEN));
  const across = Math.max(1, Math.min(grid.count, room));
  const element = make(box, "div", "grid");
  const one = Math.min((width - BETWEEN * (across - 1)) / across, widest);
  element.style.gridTemplateColumns = `repeat(${across}, ${one}px)`;
  sharpen(element, grid, one / columns);
  const each = `repeat(${columns}, minmax(0, 1fr))`;
  for (let group = 0; group < across; group += 1) {
    const heads = make(element, "div", "heads");
    heads.style.gridTemplateColumns = each;
    for (const column of grid.columns) make(heads, "span", "", column.heading);
  }
  for (let number = 0; number < grid.count; number += 1) {
    const example = make(element, "div", "example");
    example.style.gridTemplateColumns = each;
    grid.columns.forEach((column, index) => tile(example, grid, index, number, `${column.heading} ${number + 1}`));
  }
  return element;
}

/** Samples in rows that belong together, with the rows' names. */
function samples(box, grid) {
  const element = make(box, "div", "samples");
  const named = grid.names.length > 0;
  element.style.gridTemplateColumns = `${named ? "max-content " : ""}repeat(${grid.perRow}, minmax(0, 1fr))`;
  element.style.maxWidth = `${grid.perRow * 74 + (named ? 60 : 0)}px`;
  sharpen(element, grid, Math.min(box.clientWidth / grid.perRow, 74));
  for (let number = 0; number < grid.count; number += 1) {
    const row = Math.floor(number / grid.perRow);
    if (named && number % grid.perRow === 0) make(element, "div", "name", grid.names[row] || "");
    tile(element, grid, 0, number, `sample ${number + 1}`);
  }
  return element;
}

function ranked(box, grid) {
  const kinds = make(box, "div", "kinds");
  const columns = grid.columns.length;
  for (const kind of ["best", "worst"]) {
    const part = make(kinds, "div");
    make(part, "h3", "", kind === "best" ? "Best" : "Worst");
    if (columns > 1) make(part, "p", "soft", grid.columns.map((column) => column.heading).join(" · "));
    const list = make(part, "div", "ranks");
    list.classList.add(columns > 1 ? "several" : "single");
    grid.kinds.forEach((own, number) => {
      if (own !== kind) return;
      const figure = make(list, "figure");
      const row = make(figure, "div", "example");
      row.style.display = "grid";
      row.style.gap = `${GAP}px`;
      row.style.gridTemplateColumns = `repeat(${columns}, minmax(0, 1fr))`;
      grid.columns.forEach((column, index) =>
        tile(row, grid, index, number, `${column.heading} of ${grid.names[number]}`));
      make(figure, "figcaption", "", grid.names[number]);
    });
  }
  kinds.classList.toggle("sharp", grid.size[0] < 200);
  turn(kinds, grid, grid.images);
}

const sheets = data.grids.filter((grid) => grid.kind === "sheet");
let chosen = ""; // the title of the grids that are shown
let shown = [];

function build() {
  $("grids").replaceChildren();
  shown = [];
  const own = sheets.filter((grid) => grid.title === chosen);
  for (const grid of own) {
    const box = make($("grids"), "div");
    if (own.length > 1) make(box, "h3", "", grid.runs.join(", "));
    const element = grid.perRow > 1 ? samples(box, grid) : examples(box, grid);
    shown.push([element, grid]);
    if (grid.left_out) make(box, "p", "soft more", `${grid.left_out} more of these sheets are in samples/.`);
  }
  show(place);
}

function show(index) {
  place = Math.max(0, Math.min(moments.length - 1, index));
  $("slider").value = place;
  $("at").textContent = images(moments[place]);
  $("slider").setAttribute("aria-valuetext", images(moments[place]));
  for (const [element, grid] of shown) turn(element, grid, moments[place]);
  for (const watch of watchers) watch(moments[place]);
}

/** Move the slider to the sheet that is nearest to a number of images. */
function showNearest(seen) {
  const distances = moments.map((moment) => Math.abs(moment - seen));
  show(distances.indexOf(Math.min(...distances)));
}

function begin() {
  moments = [...new Set(sheets.flatMap((grid) => grid.columns.flatMap((column) => column.frames.map(([n]) => n))))];
  moments.sort((a, b) => a - b);
  place = moments.length - 1;
  $("slider").max = place;
  document.querySelector(".bar").hidden = moments.length < 2;
  const titles = [...new Set(sheets.map((grid) => grid.title))];
  [chosen] = titles;
  $("tabs").hidden = titles.length < 2;
  for (const title of titles) {
    const button = make($("tabs"), "button", "", title);
    button.type = "button";
    button.setAttribute("aria-pressed", title === chosen);
    button.onclick = () => {
      chosen = title;
      for (const other of $("tabs").children) other.setAttribute("aria-pressed", other === button);
      build();
    };
  }
  let timer = 0;
  const stop = () => {
    clearInterval(timer);
    timer = 0;
    $("play").textContent = "Play";
    $("play").setAttribute("aria-pressed", "false");
  };
  $("play").onclick = () => {
    if (timer) return stop();
    if (place === moments.length - 1) show(0);
    $("play").textContent = "Stop";
    $("play").setAttribute("aria-pressed", "true");
    timer = setInterval(() => (place === moments.length - 1 ? stop() : show(place + 1)), 220);
  };
  $("slider").oninput = () => {
    stop();
    show(Number($("slider").value));
  };
  let width = innerWidth;
  addEventListener("resize", () => {
    if (innerWidth !== width) build();
    width = innerWidth;
  });
  build();
  for (const key of Object.keys(data.pictures)) new Image().src = address(key); // decoded before they are needed
}

if (sheets.length) begin();
for (const grid of data.grids) if (grid.kind === "extremes") ranked($("ranked"), grid);
