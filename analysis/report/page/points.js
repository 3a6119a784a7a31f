// Charts with a point for each trial: clean against robust accuracy, and accuracy against knobs.

// By the run that an accuracy comes from: shape and colour both differ, for readers who see few colours.
const MARKS = {full: ["circle", "#0072b2", "#56b4e9"], short: ["triangle-up-open", "#d55e00", "#f08a4b"], stopped: ["square-open", "#cc79a7", "#cc79a7"],
  collapsed: ["star-open", "#009e73", "#2fc79b"], diverged: ["x", "#000000", "#ffffff"], running: ["diamond-open", "#e69f00", "#e69f00"]};
const OTHER = ["cross-open", "#6b7280", "#9aa1ad"];  // failed, cut off

function kindOf(row) { return DATA.marks.kinds[DATA.marks.of[row]]; }

function markColour(kind) { return (MARKS[kind] || OTHER)[dark() ? 2 : 1]; }

// What the marks mean: one trace without points for each kind that is drawn, with the number of its trials.
function legend(rows, kinds = (row) => DATA.marks.of[row]) {
  const count = new Map();
  for (const row of rows) count.set(kinds(row), (count.get(kinds(row)) || 0) + 1);
  return [...count].sort(([a], [b]) => a - b).map(([mark, n]) => {
    const kind = DATA.marks.kinds[mark];
    return {x: [null], y: [null], mode: "markers", name: escaped(`${DATA.marks.labels[mark]} (n = ${n})`), showlegend: true, hoverinfo: "skip",
      marker: {size: 9, symbol: (MARKS[kind] || OTHER)[0], color: markColour(kind)}};
  });
}

function dots(rows, x, y, kind = kindOf) {
  const chosen = (row) => table.selected.has(DATA.names[row]) || DATA.best.includes(row);
  const colours = rows.map((row) => markColour(kind(row)));
  return {x: rows.map(x), y: rows.map(y), showlegend: false, mode: "markers", customdata: rows.map((row) => DATA.names[row]), text: rows.map(about),
    hovertemplate: "%{text}<extra></extra>",
    marker: {size: rows.map((row) => (chosen(row) ? 14 : 9)), symbol: rows.map((row) => (MARKS[kind(row)] || OTHER)[0]), color: colours, opacity: 1,
      line: {width: 1.5, color: rows.map((row, i) => (kind(row) === "full" ? colour("paper") : colours[i]))}}};
}

function tradeoff() {
  const rows = table.rows.filter((row) => of(ROBUST, row) !== null), left = new Set(rows);
  const fronts = DATA.fronts.map((front) => front.filter((row) => left.has(row))).filter((front) => front.length)
    .map((front, i) => ({x: front.map((row) => percent(of(CLEAN, row))), y: front.map((row) => percent(of(ROBUST, row))), mode: "lines",
      line: {color: colour("accent"), width: 1.5, dash: "dot"}, name: "Pareto front", showlegend: !i, hoverinfo: "skip"}));
  return {traces: [...fronts, ...legend(rows), dots(rows, (row) => percent(of(CLEAN, row)), (row) => percent(of(ROBUST, row)))],
    layout: {...LEGEND, xaxis: {title: {text: accuracyTitle("clean")}}, yaxis: {title: {text: accuracyTitle("robust")}}}};
}

// ---- knobs

function sensitivity() {
  const column = table.column(document.getElementById("knob").value);
  if (!column) return {traces: [], layout: {annotations: [{text: "no knob was searched", showarrow: false}]}};
  const other = table.column(document.getElementById("other").value), point = DATA.points[document.getElementById("point").value];
  const accuracy = (row) => (point ? point.values[row] : of(ROBUST, row));
  const rows = table.rows.filter((row) => accuracy(row) !== null && column.values[row] !== null);
  const title = point ? `${accuracyTitle("robust")}, ${point.title}` : accuracyTitle("robust");
  const xaxis = {...scale(column), title: {text: `${escaped(column.title)} (${counted(rows.length)})`}};
  if (other) return pair(rows.filter((row) => other.values[row] !== null), column, other, accuracy, title, xaxis);
  const value = (row) => column.values[row], layout = {...LEGEND, xaxis, yaxis: {title: {text: wrapped(title)}}};
  if (point) return {traces: [dots(rows, value, (row) => percent(accuracy(row)), () => point.kind)], layout: {...layout, showlegend: false}};
  return {traces: [...promotions(rows, value), ...legend(rows), dots(rows, value, (row) => percent(of(ROBUST, row)))], layout};
}

function scale(column) {
  return {type: column.kind === "text" ? "category" : DATA.logarithmic.includes(column.key) ? "log" : "linear", exponentformat: "e", nticks: 8};
}

function wrapped(text) { return escaped(text).replace(", %, ", ", %<br>"); }

// A line for each trial that was trained again at full length: from its short run up or down to its full run.
function promotions(rows, value) {
  const before = DATA.points.find((point) => point.kind === "short"), x = [], y = [];
  if (!before || !DATA.marks.kinds.includes("short")) return [];
  const again = rows.filter((row) => kindOf(row) === "full" && before.values[row] !== null);
  for (const row of again) {
    x.push(value(row), value(row), null);
    y.push(percent(before.values[row]), percent(of(ROBUST, row)), null);
  }
  const marker = {size: 7, symbol: (MARKS.short)[0], color: markColour("short")}, hoverinfo = "skip", showlegend = false;
  return [{x, y, mode: "lines", line: {color: colour("others"), width: 1}, hoverinfo, showlegend},
    {x: again.map(value), y: again.map((row) => percent(before.values[row])), mode: "markers", marker, opacity: .7, hoverinfo, showlegend}];
}

function pair(rows, column, other, accuracy, title, xaxis) {
  const marker = {size: 12, color: rows.map((row) => percent(accuracy(row))), colorscale: "Viridis", showscale: true, line: {width: 1, color: colour("others")},
    colorbar: {title: {text: escaped(title), side: "right"}, thickness: 14}, symbol: rows.map((row) => (kindOf(row) === "full" ? "circle" : "triangle-up"))};
  return {traces: [{x: rows.map((row) => column.values[row]), y: rows.map((row) => other.values[row]), mode: "markers", marker, showlegend: false,
    customdata: rows.map((row) => DATA.names[row]), text: rows.map(about), hovertemplate: "%{text}<extra></extra>"}],
  layout: {xaxis, yaxis: {...scale(other), title: {text: escaped(other.title)}}, margin: {l: 50, r: 16, t: 20, b: 46}}};
}
