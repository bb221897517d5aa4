"use strict";
// The drawing board: strokes with a mouse, a pen or a finger.

class Board {
  /** canvas: shaped like the training pictures. changed(): after every movement. labels: colours of the classes; strokes
   * then have no smooth edges. small: of the training's size, else with 512 pixels on the longer side. */
  constructor(canvas, [height, width], background, changed, labels = null, small = Boolean(labels)) {
    const longer = Math.max(height, width), scale = small ? 1 : 512 / longer;
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
    canvas.style.width = `${(100 * width) / longer}%`; // of its square frame
    canvas.style.height = `${(100 * height) / longer}%`;
    canvas.classList.toggle("small", small);
    Object.assign(this, { canvas, changed, labels, strokes: [], stroke: null });
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
      if (this.labels) {
        this.paint(places, context.lineWidth / 2, context.strokeStyle);
        continue;
      }
      context.moveTo(...places[0]);
      places.slice(1).forEach(([x, y], i) => context.quadraticCurveTo(...places[i], (places[i][0] + x) / 2, (places[i][1] + y) / 2));
      const [x, y] = places.at(-1);
      context.lineTo(x + 0.01, y); // a canvas draws nothing for a line without length: a click is a dot
      context.stroke();
    }
  }

  /** Discs along a line, of whole pixels: a canvas smooths the edges of everything else. */
  paint(places, radius, colour) {
    this.context.fillStyle = colour;
    places.forEach(([x, y], i) => {
      const [fromX, fromY] = places[Math.max(0, i - 1)];
      const steps = Math.ceil(Math.hypot(x - fromX, y - fromY)) || 1;
      for (let step = 1; step <= steps; step++) {
        const atX = fromX + ((x - fromX) * step) / steps, atY = fromY + ((y - fromY) * step) / steps;
        for (let row = Math.ceil(atY - radius - 0.5); row + 0.5 <= atY + radius; row++) {
          const half = Math.sqrt(Math.max(0, radius ** 2 - (row + 0.5 - atY) ** 2));
          const left = Math.round(atX - half), right = Math.round(atX + half);
          // A thin pen paints one pixel at least; a thick one has no tips of one pixel.
          if (right > left || radius < 1) this.context.fillRect(left, row, Math.max(1, right - left), 1);
        }
      }
    });
  }

  hex(colour) {
    return `#${colour.map((level) => level.toString(16).padStart(2, "0")).join("")}`;
  }

  /** The class whose colour is nearest to one; without classes the colour itself. */
  near(colour) {
    const far = (label) => label.reduce((sum, level, c) => sum + (level - colour[c]) ** 2, 0);
    return this.hex(this.labels?.reduce((best, label) => (far(label) < far(best) ? label : best)) ?? colour);
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
    const black = this.near([0, 0, 0]), yellow = this.near([255, 200, 60]);
    const line = (points, width = 1 / 36, colour = black) => this.strokes.push({ width, colour, points });
    if (this.labels) line([[0.5, 0.5], [0.5, 0.5]], 0.7, yellow);
    if (!this.labels) line(arc(0.5, 0.5, 0.33, 0, 2 * Math.PI));
    line([[0.39, 0.42], [0.39, 0.42]], 0.075);
    line([[0.61, 0.42], [0.61, 0.42]], 0.075);
    line(arc(0.5, 0.52, 0.17, 0.15 * Math.PI, 0.85 * Math.PI), this.labels ? 0.05 : 1 / 36);
    this.redraw();
  }
}
