"use strict";
// Draws the charts of the page, in the colours of its theme, and zooms all time axes together.
const charts = JSON.parse(document.getElementById("charts").textContent);
const timed = [];
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
  const own = chart.layout;
  const showlegend = chart.traces.filter((trace) => trace.showlegend !== false).length > 1;
  const t = showlegend && own.showlegend !== false ? 26 : 10;
  return {
    height: chart.height, margin: chart.timed ? { l: 58, r: 12, t, b: 26 } : { l: 8, r: 12, t, b: 8 }, paper_bgcolor: "$panel", plot_bgcolor: "$panel",
    font: { family: getComputedStyle(document.body).fontFamily, size: 12, color: "$muted" },
    hovermode: "x unified", hoverlabel: { bgcolor: "$panel", bordercolor: "$line", font: { color: "$ink" } },
    legend: { orientation: "h", x: 0, y: 1.01, xanchor: "left", yanchor: "bottom", font: { color: "$ink" }, traceorder: "normal" },
    showlegend, dragmode: "zoom", ...own,
    xaxis: { ...x, ...own.xaxis }, yaxis: { ...axis, ...own.yaxis },
  };
}

function draw(chart) {
  const css = getComputedStyle(document.documentElement);
  const box = document.getElementById(chart.key);
  const options = { responsive: true, displaylogo: false, displayModeBar: false, doubleClick: "reset" };
  Plotly.react(box, painted(chart.traces, css), painted(layoutOf(chart), css), options);
  if (!chart.timed || timed.includes(box)) return;
  timed.push(box);
  box.on("plotly_relayout", (change) => follow(box, change));
}

function follow(source, change) {
  const [from, to] = change["xaxis.range"] || [change["xaxis.range[0]"], change["xaxis.range[1]"]];
  if (following || (from === undefined && !change["xaxis.autorange"])) return;
  following = true;
  const move = from === undefined ? { "xaxis.autorange": true } : { "xaxis.range": [from, to] };
  Promise.all(timed.filter((box) => box !== source).map((box) => Plotly.relayout(box, move)))
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
