"use strict";
// Draws the charts of the page, in the colours of its theme, and zooms all time axes together.
const charts = JSON.parse(document.getElementById("charts").textContent);
const timed = [];
const options = { responsive: true, displaylogo: false, displayModeBar: false, doubleClick: "reset" };
const columns = {};
let following = false;

function painted(value, css) {
  if (typeof value === "string") return value[0] === "$" ? css.getPropertyValue("--" + value.slice(1)).trim() : value;
  if (Array.isArray(value)) return value.map((item) => painted(item, css));
  if (value === null || typeof value !== "object" || "bdata" in value) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, painted(item, css)]));
}

function layoutOf(chart) {
  const axis = { gridcolor: "$grid", linecolor: "$line", zerolinecolor: "$line", tickcolor: "$line", automargin: !chart.timed };
  const x = { ...axis, showgrid: false };
  if (chart.timed) Object.assign(x, { type: "date", ...TIME });
  const y = { ...axis, fixedrange: chart.timed };
  const own = chart.layout;
  const showlegend = chart.traces.filter((trace) => trace.showlegend !== false).length > 1;
  const t = showlegend && own.showlegend !== false ? 26 : 10;
  return {
    height: chart.height, margin: chart.timed ? { l: 58, r: 12, t, b: 26 } : { l: 8, r: 12, t, b: 8 }, paper_bgcolor: "$panel", plot_bgcolor: "$panel",
    font: { family: getComputedStyle(document.body).fontFamily, size: 12, color: "$muted" },
    hovermode: "x unified", hoverlabel: { bgcolor: "$panel", bordercolor: "$line", font: { color: "$ink" } },
    legend: { orientation: "h", x: 0, y: 1.01, xanchor: "left", yanchor: "bottom", font: { color: "$ink" }, traceorder: "normal" },
    showlegend, dragmode: "zoom", ...own,
    xaxis: { ...x, ...own.xaxis }, yaxis: { ...y, ...own.yaxis },
  };
}

const ARRAYS = { f8: Float64Array, f4: Float32Array, u1: Uint8Array };
const MARKERS = 350;  // Of a kind at a time; more of them are a smear.

function unpacked({ dtype, bdata }) {
  return new ARRAYS[dtype](Uint8Array.from(atob(bdata), (c) => c.charCodeAt(0)).buffer);
}

// As many fills of the time in view as can be told apart, as Plotly wants them.
function inView(trace, from, to) {
  const all = (trace.all ??= Object.fromEntries(Object.entries(trace.fills).map(([k, v]) => [k, unpacked(v)])));
  const seen = [...all.x.keys()].filter((i) => all.x[i] >= from && all.x[i] <= to);
  const every = Math.ceil(seen.length / MARKERS);
  const chosen = seen.filter((_, i) => i % every === 0);
  const largest = all.quantity.reduce((a, b) => Math.max(a, b), 1e-12);
  const scale = Math.min(1, (60 / chosen.length) ** 0.3);
  return {
    x: chosen.map((i) => all.x[i]), y: chosen.map((i) => all.y[i]), customdata: chosen.map((i) => all.quantity[i]),
    text: chosen.map((i) => `${all.maker[i] ? "maker" : "taker"} · order ${all.order[i]} · fee ${Number(all.fee[i].toPrecision(6))}`),
    "marker.size": chosen.map((i) => scale * (7 + 8 * Math.sqrt(all.quantity[i] / largest))),
  };
}

function thinned(trace, described, [from, to]) {
  if (!described.fills) return trace;
  const { "marker.size": size, ...arrays } = inView(described, from, to);
  const { fills, all, ...rest } = trace;
  return { ...rest, ...arrays, marker: { ...trace.marker, size } };
}

// The lowest and highest that lines and bars show between two times, with some air around them.
function heights(box, from, to) {
  let low = Infinity, high = -Infinity;
  box.data.forEach((trace, i) => {
    if (trace.visible === "legendonly" || trace.type === "heatmap" || !trace.x?.bdata || !trace.y?.bdata) return;
    const [x, y] = (columns[box.id + i] ??= [unpacked(trace.x), unpacked(trace.y)]);
    const first = x.findLastIndex((t) => t <= from);
    for (let at = Math.max(first, 0); at < x.length && x[at] <= to; at++) {
      if (y[at] < low) low = y[at];
      if (y[at] > high) high = y[at];
    }
    if (trace.type === "bar" || trace.fill === "tozeroy") [low, high] = [Math.min(low, 0), Math.max(high, 0)];
  });
  const air = 0.06 * (high - low) || 0.01 * Math.abs(high) || 1;
  return low <= high ? [low - air, high + air] : null;
}

// What a chart shows of the times in view: fills one by one if there are few, and its full height.
function fit(box, whole) {
  const { traces } = charts.find((other) => other.key === box.id);
  const view = box.layout.xaxis.range.map((t) => (typeof t === "number" ? t : Date.parse(t.replace(" ", "T") + "Z")));
  const range = whole ? null : heights(box, ...view);
  const yaxis = { ...box.layout.yaxis, autorange: !range, ...(range && { range }) };
  // Restyling x instead would make Plotly guess anew what kind of axis it is.
  return Plotly.react(box, box.data.map((trace, i) => thinned(trace, traces[i], view)), { ...box.layout, yaxis }, options);
}

function draw(chart) {
  const css = getComputedStyle(document.documentElement);
  const box = document.getElementById(chart.key);
  Plotly.react(box, painted(chart.traces.map((trace) => thinned(trace, trace, TIME.range)), css), painted(layoutOf(chart), css), options);
  if (!chart.timed || timed.includes(box)) return;
  timed.push(box);
  box.on("plotly_relayout", (change) => follow(box, change));
}

function follow(source, change) {
  const [from, to] = change["xaxis.range"] || [change["xaxis.range[0]"], change["xaxis.range[1]"]];
  if (following || (from === undefined && !change["xaxis.autorange"])) return;
  following = true;
  const move = { "xaxis.range": from === undefined ? TIME.range : [from, to] };
  Promise.all(timed.map((box) => (box === source && from !== undefined ? box : Plotly.relayout(box, move))))
    .then(() => Promise.all(timed.map((box) => fit(box, from === undefined))))
    .finally(() => { following = false; });
}

function drawAll() {
  let next = 0;
  (function one() {
    if (next === charts.length) return;
    draw(charts[next++]);
    setTimeout(one);
  })();
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
drawAll();
