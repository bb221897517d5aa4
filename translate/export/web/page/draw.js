"use strict";
// The drawing board: strokes with a mouse, a pen or a finger.

class Board {
  /** canvas: 512 pixels on its longer side, shaped like the training pictures. changed(): after every movement. */
  constructor(canvas, [height, width], background, changed) {
    const scale = 512 / Math.max(height, width);
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
    canvas.style.width = `${(100 * canvas.width) / 512}%`; // of its square frame
    canvas.style.height = `${(100 * canvas.height) / 512}%`;
    Object.assign(this, { canvas, changed, strokes: [], stroke: null });
    this.context = canvas.getContext("2d", { willReadFrequently: true });
    this.paper = `rgb(${background})`;
    this.pen = { width: 1 / 36, colour: "#000000" }; // OpenMoji's lines: 2 of 72
    canvas.addEventListener("pointerdown", (event) => this.begin(event));
    canvas.addEventListener("pointermove", (event) => this.go(event));
    for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => (this.stroke = null));
    this.redraw();
  }

  begin(event) {
    if (event.button) return;
    event.preventDefault();
    this.canvas.setPointerCapture(event.pointerId);
    this.stroke = { ...this.pen, points: [] };
    this.strokes.push(this.stroke);
    this.go(event);
  }

  go(event) {
    if (!this.stroke) return;
    const box = this.canvas.getBoundingClientRect();
    const all = event.getCoalescedEvents?.() ?? [];
    for (const { clientX, clientY } of all.length ? all : [event]) {
      this.stroke.points.push([(clientX - box.left) / box.width, (clientY - box.top) / box.height]);
    }
    this.redraw();
    this.changed();
  }

  redraw() {
    const { context, canvas } = this;
    context.fillStyle = this.paper;
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.lineCap = context.lineJoin = "round";
    for (const { width, colour, points } of this.strokes) {
      context.lineWidth = width * Math.max(canvas.width, canvas.height);
      context.strokeStyle = colour ?? this.paper;
      context.beginPath();
      // Through the middles of the points, with the points as handles: smooth however quick the hand was.
      const places = points.map(([x, y]) => [x * canvas.width, y * canvas.height]);
      context.moveTo(...places[0]);
      places.slice(1).forEach(([x, y], i) => context.quadraticCurveTo(...places[i], (places[i][0] + x) / 2, (places[i][1] + y) / 2));
      const [x, y] = places.at(-1);
      context.lineTo(x + 0.01, y); // a canvas draws nothing for a line without length: a click is a dot
      context.stroke();
    }
  }

  undo() {
    this.strokes.pop();
    this.redraw();
    this.changed();
  }

  clear() {
    this.strokes = [];
    this.redraw();
    this.changed();
  }

  /** Something to begin with: a face. */
  example() {
    const arc = (x, y, r, from, to) =>
      Array.from({ length: 49 }, (_, i) => from + ((to - from) * i) / 48).map((a) => [x + r * Math.cos(a), y + r * Math.sin(a)]);
    const line = (points, width = 1 / 36) => this.strokes.push({ width, colour: "#000000", points });
    line(arc(0.5, 0.5, 0.33, 0, 2 * Math.PI));
    line([[0.39, 0.42], [0.39, 0.42]], 0.075);
    line([[0.61, 0.42], [0.61, 0.42]], 0.075);
    line(arc(0.5, 0.52, 0.17, 0.15 * Math.PI, 0.85 * Math.PI));
    this.redraw();
  }
}
