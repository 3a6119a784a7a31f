// The charts, each drawn when it is first scrolled to, and again when the table or the theme changes.

const MOST = 20;  // curves that are drawn without being asked for, of all threats and data sets together
const DASHES = ["dash", "dot", "dashdot", "longdash"];
const PALETTE = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"];  // Okabe and Ito's
const ROBUST = "val_robust_accuracy", CLEAN = "val_clean_accuracy";

const charts = {
  seen: new Set(),
  draws: {},

  start() {
    this.draws = {"chart-curves": curves, "chart-tradeoff": tradeoff, "chart-knob": sensitivity, "chart-parallel": parallel};
    const watch = new IntersectionObserver((entries) => {
      for (const entry of entries) if (entry.isIntersecting) this.first(entry.target.id);
    }, {rootMargin: "200px"});
    requestAnimationFrame(() => setTimeout(() => {  // behind the first picture of the page
      for (const id of Object.keys(this.draws)) watch.observe(document.getElementById(id));
    }));
    addEventListener("beforeprint", () => { for (const id of Object.keys(this.draws)) this.draw(id); });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.again());
  },

  first(id) { if (!this.seen.has(id)) this.draw(id); },

  again() { for (const id of this.seen) this.draw(id); },

  draw(id) {
    this.seen.add(id);
    library();
    const box = document.getElementById(id);
    const {traces, layout} = this.draws[id]();
    const config = {displaylogo: false, responsive: true, modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"],
      showSendToCloud: false, plotlyServerURL: "",  // else a button uploads the chart
      toImageButtonOptions: {format: "svg", filename: id}};
    Plotly.react(box, traces, dressed(layout), config);
    if (!box.dataset.ready) box.on("plotly_click", (event) => choose(event));
    box.dataset.ready = "true";
    performance.mark("chart");
  },
};

// Running the library takes most of a second, so that it is done when the page already stands.
function library() {
  const code = document.getElementById("plotly");
  if (!code) return;
  document.head.append(element("script", {}, code.textContent));
  code.remove();
}

function choose(event) {
  const name = event.points[0]?.customdata;
  if (name !== undefined && name !== null) table.select(name);
}

function colour(name) {
  const probe = document.body.appendChild(document.createElement("i"));
  probe.style.color = `var(--${name})`;
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

function dark() {
  return colour("ink").match(/[\d.]+/g).slice(0, 3).reduce((sum, part) => sum + Number(part), 0) > 382;
}

function blend(percent, one, other) {
  const [a, b] = [one, other].map((name) => colour(name).match(/[\d.]+/g).map(Number));
  return `rgb(${[0, 1, 2].map((c) => Math.round((percent * a[c] + (100 - percent) * b[c]) / 100)).join(",")})`;
}

function dressed(layout) {
  const axis = {gridcolor: colour("grid"), zerolinecolor: colour("line"), linecolor: colour("line"), automargin: true};
  const axes = Object.fromEntries(["xaxis", "yaxis"].map((name) => [name, {...axis, ...layout[name]}]));
  return {margin: {l: 62, r: 16, t: 14, b: 52}, hovermode: "closest", showlegend: false, paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)", font: {color: colour("ink"), size: 13, family: "system-ui, DejaVu Sans, sans-serif"},
    hoverlabel: {bgcolor: colour("panel"), font: {color: colour("ink")}}, uirevision: "kept", ...layout, ...axes};
}

function of(key, row) { return table.column(key).values[row]; }

function percent(value) { return value === null || value === undefined ? null : Number((100 * value).toFixed(2)); }

function escaped(text) { return String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;"); }

function about(row) {
  const lines = DATA.columns.filter((column) => column.knob || ["status", ROBUST, CLEAN, "best_epoch"].includes(column.key))
    .filter((column) => column.values[row] !== null).slice(0, 16)
    .map((column) => `${escaped(column.title)}: ${escaped(table.shown(column, column.values[row]))}`);
  return [`<b>trial ${escaped(DATA.names[row])}</b>`, ...lines].join("<br>");
}

// ---- learning curves

function points(row) {
  const {starts, epoch, level, measures} = DATA.curves, key = document.getElementById("measure").value;
  const factor = key.endsWith("_accuracy") ? 100 : 1, x = [], y = [], text = [];
  for (let i = starts[row], n = 1; i < starts[row + 1]; i++, n++) {
    if (i > starts[row] && level[i] !== level[i - 1]) { x.push(null); y.push(null); text.push(""); }
    const value = measures[key][i];
    x.push(n);
    y.push(value === null ? null : Number((factor * value).toFixed(4)));
    text.push(level[i] ? `epoch ${epoch[i]} of run ${level[i] + 1}` : `epoch ${epoch[i]}`);
  }
  return {x, y, text};
}

function curves() {
  const key = document.getElementById("measure").value, everything = document.getElementById("everything").checked;
  const ranked = [...table.rows].sort((a, b) => compared(of(ROBUST, a), of(ROBUST, b), true));
  const most = Math.ceil(MOST / new Set(table.rows.map((row) => DATA.questions[row])).size), count = {};
  const best = new Set(ranked.filter((row) => (count[DATA.questions[row]] = (count[DATA.questions[row]] || 0) + 1) <= most));
  const chosen = DATA.names.map((_, row) => row).filter((row) => table.selected.has(DATA.names[row]));
  const shown = ranked.filter((row) => best.has(row) && !chosen.includes(row)).reverse();
  const traces = everything ? [background(ranked.filter((row) => !best.has(row)))] : [];
  shown.forEach((row, i) => traces.push(curve(row, {color: shade(i, shown.length), width: DATA.best.includes(row) ? 3.5 : 1.4})));
  chosen.forEach((row, i) => traces.push(curve(row, {color: PALETTE[i % PALETTE.length], width: 2.6, dash: DASHES[i % DASHES.length]})));
  traces.push(marks([...shown, ...chosen], key));
  return {traces, layout: {xaxis: {title: {text: "epochs trained"}, rangemode: "tozero"}, yaxis: {title: {text: DATA.curves.titles[key]}}}};
}

function curve(row, line) {
  const {x, y, text} = points(row), name = DATA.names[row];
  return {x, y, text, mode: "lines", line, customdata: x.map(() => name), name: escaped(name),
    hovertemplate: `<b>trial ${escaped(name)}</b><br>%{text}: %{y:.2f}<extra></extra>`};
}

function background(rows) {
  const all = {x: [], y: [], customdata: []};
  for (const row of rows) {
    const {x, y} = points(row);
    all.x.push(...x, null);
    all.y.push(...y, null);
    all.customdata.push(...x.map(() => DATA.names[row]), null);
  }
  return {...all, mode: "lines", line: {color: colour("others"), width: .6}, opacity: .6,
    text: all.customdata.map((name) => escaped(name)), hovertemplate: "trial %{text}: %{y:.2f}<extra></extra>"};
}

function marks(rows, key) {
  const x = [], y = [], {starts, selected, measures} = DATA.curves, factor = key.endsWith("_accuracy") ? 100 : 1;
  for (const row of rows.filter((each) => selected[each] >= 0)) {
    x.push(selected[row] - starts[row] + 1);
    y.push(factor * measures[key][selected[row]]);
  }
  return {x, y, mode: "markers", marker: {size: 6, color: colour("ink")}, hoverinfo: "skip"};
}

function shade(i, count) {
  const share = count < 2 ? 100 : Math.round((100 * i) / (count - 1));
  return blend(share, "accent", "others");
}

// ---- points and lines, one a trial

const SYMBOLS = {completed: "circle", stopped: "circle-open", running: "diamond-open"};  // else a cross

// What the marks mean: one trace without points for each status that is drawn.
function legend(rows) {
  const statuses = [...new Set(rows.map((row) => of("status", row)))].sort();
  return statuses.map((status) => ({x: [null], y: [null], mode: "markers", name: escaped(status), showlegend: true, hoverinfo: "skip",
    marker: {size: 8, symbol: SYMBOLS[status] || "x", color: status === "completed" ? PALETTE[0] : PALETTE[1]}}));
}

const LEGEND = {showlegend: true, legend: {orientation: "h", x: 0, y: 1.02, yanchor: "bottom"}, margin: {l: 62, r: 16, t: 40, b: 52}};

function dots(rows, x, y) {
  const chosen = (row) => table.selected.has(DATA.names[row]) || DATA.best.includes(row);
  return {x: rows.map(x), y: rows.map(y), showlegend: false, mode: "markers", customdata: rows.map((row) => DATA.names[row]), text: rows.map(about),
    hovertemplate: "%{text}<extra></extra>",
    marker: {size: rows.map((row) => (chosen(row) ? 13 : 8)), symbol: rows.map((row) => SYMBOLS[of("status", row)] || "x"),
      color: rows.map((row) => (of("status", row) === "completed" ? PALETTE[0] : PALETTE[1])), opacity: 1, line: {width: 1.5, color: rows.map((row) => (of("status", row) === "completed" ? colour("paper") : PALETTE[1]))}}};
}

function tradeoff() {
  const rows = table.rows.filter((row) => of(ROBUST, row) !== null), left = new Set(rows);
  const fronts = DATA.fronts.map((front) => front.filter((row) => left.has(row))).filter((front) => front.length)
    .map((front) => ({x: front.map((row) => percent(of(CLEAN, row))), y: front.map((row) => percent(of(ROBUST, row))), mode: "lines",
      line: {color: colour("accent"), width: 1.5, dash: "dot"}, showlegend: false, hoverinfo: "skip"}));
  return {traces: [...fronts, ...legend(rows), dots(rows, (row) => percent(of(CLEAN, row)), (row) => percent(of(ROBUST, row)))],
    layout: {...LEGEND, xaxis: {title: {text: "clean accuracy, validation, %"}}, yaxis: {title: {text: "robust accuracy, validation, %"}}}};
}

function sensitivity() {
  const key = document.getElementById("knob").value, column = table.column(key);
  if (!column) return {traces: [], layout: {annotations: [{text: "no knob was searched", showarrow: false}]}};
  const rows = table.rows.filter((row) => of(ROBUST, row) !== null && column.values[row] !== null);
  const type = column.kind === "text" ? "category" : DATA.logarithmic.includes(key) ? "log" : "linear";
  return {traces: [...legend(rows), dots(rows, (row) => column.values[row], (row) => percent(of(ROBUST, row)))],
    layout: {...LEGEND, xaxis: {title: {text: escaped(key)}, type, exponentformat: "e"}, yaxis: {title: {text: "robust accuracy, validation, %"}}}};
}

// drawn as lines between scaled axes: plotly's own are WebGL, which neither prints nor hovers
function parallel() {
  const axes = [...DATA.columns.filter((column) => column.knob), table.column(CLEAN), table.column(ROBUST)].map(axis);
  const rows = table.rows.filter((row) => of(ROBUST, row) !== null).sort((a, b) => of(ROBUST, a) - of(ROBUST, b));
  const groups = new Map();
  rows.forEach((row, i) => { const band = Math.floor((BANDS * i) / rows.length) + 2 * dark(); groups.set(band, [...(groups.get(band) || []), row]); });
  const traces = [...groups].map(([band, some]) => ribbon(some, axes, VIRIDIS[band]));
  const ticks = axes.map((each, i) => [[each.low, 0, "top"], [each.high, 1, "bottom"]].map(([text, y, anchor]) => (
    {x: i, y, text: escaped(text), showarrow: false, yanchor: anchor, font: {size: 11}, bgcolor: colour("paper"), borderpad: 1}))).flat();
  const lines = axes.map((_, i) => ({type: "line", x0: i, x1: i, y0: 0, y1: 1, line: {color: colour("others"), width: 1}}));
  return {traces, layout: {annotations: ticks, shapes: lines, yaxis: {visible: false, range: [-.08, 1.08]}, margin: {l: 60, r: 60, t: 14, b: 60},
    xaxis: {tickvals: axes.map((_, i) => i), ticktext: axes.map((each) => escaped(each.title)), showgrid: false, zeroline: false, range: [-.1, axes.length - .9]}}};
}

const VIRIDIS = ["#440154", "#46327e", "#365c8d", "#277f8e", "#1fa187", "#4ac16d", "#a0da39", "#fde725"];
const BANDS = 6;  // of the eight colours: the last ones are lost on white, the first ones on black

function axis(column) {
  const present = column.values.filter((value) => value !== null);
  if (column.kind === "text") {
    const names = [...new Set(present)].sort();
    return {title: column.title, low: names[0] ?? "", high: names.at(-1) ?? "", of: (row) => share(names.indexOf(column.values[row]), 0, names.length - 1),
      format: (row) => column.values[row]};
  }
  const bend = DATA.logarithmic.includes(column.key) ? Math.log : (value) => value;
  const low = Math.min(...present), high = Math.max(...present), format = (row) => table.shown(column, column.values[row]);
  return {title: column.title, low: table.shown(column, low), high: table.shown(column, high), format,
    of: (row) => share(bend(column.values[row]), bend(low), bend(high))};
}

function share(value, low, high) { return high > low ? (value - low) / (high - low) : .5; }

function ribbon(rows, axes, color) {
  const all = {x: [], y: [], text: [], customdata: []};
  for (const row of rows) {
    axes.forEach((each, i) => {
      const there = each.format(row) !== null && each.format(row) !== "";
      all.x.push(i);
      all.y.push(there ? each.of(row) : null);
      all.text.push(`<b>trial ${escaped(DATA.names[row])}</b><br>${escaped(each.title)}: ${escaped(each.format(row) ?? "")}`);
      all.customdata.push(DATA.names[row]);
    });
    for (const list of Object.values(all)) list.push(null);
  }
  return {...all, mode: "lines+markers", line: {color, width: 1.5}, marker: {size: 4, color}, hovertemplate: "%{text}<extra></extra>"};
}
