"use strict";
// The curves, drawn by uPlot. A cursor in one chart is a cursor in all; a click shows the sheets of that moment.
const HEIGHT = 200;
const sync = uPlot.sync("report");
let plots = [];
let position = null;

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const last = Math.max(1, ...data.charts.flatMap(({ series }) => series.map(({ x }) => x[x.length - 1])));
const several = new Set(data.charts.flatMap((chart) => chart.series.map((series) => series.runName))).size > 1;

/** A value in about four digits. */
function short(value) {
  if (value == null) return "–";
  const size = Math.abs(value);
  return size && (size < 0.001 || size >= 1e5) ? value.toExponential(1) : String(Number(value.toPrecision(4)));
}

const percent = (value) => (value == null ? "–" : `${Number((100 * value).toPrecision(3))} %`);
const thousands = (value) => (value >= 1e6 ? `${value / 1e6}M` : value >= 1e4 ? `${value / 1e3}k` : String(value));

/** The mean of each value and its neighbours; on a logarithmic axis the geometric one. */
function smoothed(y, log) {
  const reach = Math.round(y.length / 40);
  const [there, back] = log ? [Math.log, Math.exp] : [(value) => value, (value) => value];
  return y.map((_, at) => {
    const near = y.slice(Math.max(0, at - reach), at + reach + 1);
    return back(near.reduce((sum, value) => sum + there(value), 0) / near.length);
  });
}

/** Numbered dashed lines where warnings were given, and a line at the sheets that are shown. */
function drawMarks(plot, log) {
  const { ctx, bbox } = plot;
  const ratio = devicePixelRatio;
  const line = (x, style, dash) => {
    ctx.strokeStyle = style;
    ctx.lineWidth = ratio;
    ctx.setLineDash(dash);
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
  };
  ctx.save();
  ctx.font = `${11 * ratio}px system-ui, sans-serif`;
  for (const mark of data.marks) {
    const x = plot.valToPos(mark.x, "x", true);
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    line(x, colour("--warn"), [4 * ratio, 3 * ratio]);
    ctx.fillStyle = colour("--warn");
    const right = x > bbox.left + bbox.width - 24 * ratio;
    ctx.textAlign = right ? "right" : "left";
    ctx.fillText(mark.label, x + (right ? -3 : 3) * ratio, bbox.top + 10 * ratio);
  }
  if (position != null) line(plot.valToPos(position, "x", true), colour("--soft"), []);
  ctx.restore();
}

/** uPlot's data and series of one chart: the baselines, the curves, and pale behind them what was smoothed. */
function prepare(chart) {
  const tables = [[[0, last], [null, null]]]; // all charts are as long
  const series = [{ label: "images", value: (_, value) => (value == null ? "–" : value.toLocaleString("en")) },
    { label: "", class: "raw" }];
  const format = chart.percent ? percent : short;
  const value = (_, number) => format(number);
  const spanGaps = true;
  for (const line of chart.lines) {
    tables.push([[0, last], [line.y, line.y]]);
    const flat = line.label.startsWith("real") ? "--good" : "--soft";
    const points = { show: false };
    const text = `${line.label} ${format(line.y)}`;
    const look = { class: "flat", stroke: colour(flat), dash: [6, 4], width: 1.5 };
    series.push({ label: text, ...look, points, spanGaps, value: () => "" });
  }
  chart.series.forEach(({ x, y, label, run, runName }, index) => {
    const stroke = colour(`--c${(several ? run : index) % 8}`);
    const points = { show: Boolean(chart.points) || x.length < 2, size: 7, fill: stroke };
    const name = several ? runName : label;
    const smooth = chart.smooth && x.length >= 80;
    if (smooth) {
      tables.push([x, y]);
      series.push({ label: "", class: "raw", stroke: `${stroke}40`, width: 1, points: { show: false }, spanGaps });
    }
    tables.push([x, smooth ? smoothed(y, chart.log) : y]);
    series.push({ label: name, stroke, width: 2, points, spanGaps, value });
  });
  return [uPlot.join(tables.map(([x, y]) => [x, y])), series, format];
}

function draw(chart, box) {
  const [values, series, format] = prepare(chart);
  const axis = { stroke: colour("--soft"), grid: { stroke: colour("--grid"), width: 1 }, ticks: { show: false } };
  const font = "12px system-ui, sans-serif";
  const label = (_, ticks) => ticks.map((tick) => (tick == null ? null : format(tick)));
  const range = chart.percent ? { range: [0, 1] } : {};
  const plot = new uPlot({
    width: box.clientWidth, height: HEIGHT, series,
    padding: [10, 24, 0, 0],
    scales: { x: { time: false }, y: chart.log ? { distr: 3 } : range },
    axes: [
      { ...axis, font, values: (_, ticks) => ticks.map(thousands), size: 26, gap: 2, space: 60 },
      { ...axis, font, values: chart.log ? logTicks(format) : label, size: 52, gap: 4, space: chart.log ? 14 : 32 },
    ],
    cursor: { sync: { key: sync.key, setSeries: false }, points: { size: 6 }, y: false, drag: { x: true, y: false } },
    hooks: { draw: [(self) => drawMarks(self, chart.log), (self) => drawBest(self, chart)] },
  }, values, box);
  let pressed = 0;
  plot.over.addEventListener("mousedown", (event) => (pressed = event.clientX));
  plot.over.addEventListener("click", (event) => {
    if (Math.abs(event.clientX - pressed) < 4 && moments.length) showNearest(plot.posToVal(plot.cursor.left, "x"));
  });
  return plot;
}

/** Labels of powers of ten and of some between, where there is room. */
const logTicks = (format) => (plot, ticks) => {
  const { min, max } = plot.scales.y;
  const digits = max / min > 1000 ? [1] : max / min > 30 ? [1, 3] : [1, 2, 5];
  return ticks.map((tick) => {
    if (!tick) return null;
    const lead = Math.round(tick / 10 ** Math.floor(Math.log10(tick) + 1e-9));
    return digits.includes(lead) ? format(tick) : null;
  });
};

/** A ring around the best score. */
function drawBest(plot, chart) {
  const { ctx } = plot;
  chart.series.forEach(({ best, run }, index) => {
    if (!best) return;
    ctx.save();
    ctx.strokeStyle = colour(`--c${(several ? run : index) % 8}`);
    ctx.lineWidth = 2 * devicePixelRatio;
    ctx.beginPath();
    ctx.arc(plot.valToPos(best[0], "x", true), plot.valToPos(best[1], "y", true), 8 * devicePixelRatio, 0, 7);
    ctx.stroke();
    ctx.restore();
  });
}

function drawAll() {
  for (const plot of plots) plot.destroy();
  $("charts").replaceChildren();
  const boxes = data.charts.map((chart) => {
    const box = make($("charts"), "div", "chart");
    make(box, "h3", "", chart.title);
    const notes = [chart.note, chart.series.some(({ best }) => best) ? "ring: the best" : ""];
    make(box, "p", "soft", notes.filter(Boolean).join("; "));
    return make(box, "div");
  });
  plots = data.charts.map((chart, index) => draw(chart, boxes[index])); // after all boxes have their widths
}

if (data.charts.length) drawAll();
let wide = innerWidth;
addEventListener("resize", () => {
  if (innerWidth !== wide) plots.forEach((plot) => plot.setSize({ width: plot.root.parentElement.clientWidth, height: HEIGHT }));
  wide = innerWidth;
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => data.charts.length && drawAll());
watchers.push((seen) => {
  position = seen;
  for (const plot of plots) plot.redraw(false, false);
});
if (moments.length) show(place);
