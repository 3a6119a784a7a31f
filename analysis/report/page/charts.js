// What all charts share: when they are drawn, their theme, and how they are saved.
// Each is drawn when it is first scrolled to, and again when the table, the theme or the paper changes.

const PALETTE = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"];  // Okabe and Ito's
const ROBUST = "val_robust_accuracy", CLEAN = "val_clean_accuracy";
const NARROW = 560;  // pixels, below which letters are smaller and axes lie
const PRINTED = {width: 960, height: 430}, SAVED = {width: 900, height: 480};  // pixels, on any screen

const charts = {
  seen: new Set(),
  draws: {},
  size: null,  // of the paper or the file that is drawn for; null: of the page

  start() {
    this.draws = {"chart-curves": curves, "chart-path": path, "chart-tradeoff": tradeoff, "chart-knob": sensitivity,
      "chart-correlation": correlation, "chart-parallel": parallel};
    const watch = new IntersectionObserver((entries) => {
      for (const entry of entries) if (entry.isIntersecting) this.first(entry.target.id);
    }, {rootMargin: "200px"});
    requestAnimationFrame(() => setTimeout(() => {  // behind the first picture of the page
      for (const id of Object.keys(this.draws)) watch.observe(document.getElementById(id));
    }));
    addEventListener("beforeprint", () => { this.size = PRINTED; for (const id of Object.keys(this.draws)) this.draw(id); });
    addEventListener("afterprint", () => { this.size = null; this.again(); });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.again());
    let width = innerWidth;
    addEventListener("resize", () => { if (narrow(width) !== narrow(innerWidth)) this.again(); width = innerWidth; });
    for (const button of document.querySelectorAll(".exports button"))
      button.addEventListener("click", () => this.save(button.dataset.chart, button.dataset.format));
  },

  first(id) { if (!this.seen.has(id)) this.draw(id); },

  again() { for (const id of this.seen) this.draw(id); },

  width(id) { return this.size?.width ?? document.getElementById(id).clientWidth; },

  figure(id) {
    const {traces, layout, height} = this.draws[id](this.width(id));
    const size = this.size ? {...this.size, autosize: false} : {autosize: true};
    return {data: traces, layout: dressed({...layout, ...size, ...(height ? {height} : {})}, this.width(id))};
  },

  draw(id) {
    this.seen.add(id);
    library();
    const box = document.getElementById(id);
    const config = {displaylogo: false, responsive: true, showSendToCloud: false, plotlyServerURL: "",  // else a button uploads it
      modeBarButtonsToRemove: ["toImage", "select2d", "lasso2d", "autoScale2d"]};
    const {data, layout} = this.figure(id);
    box.style.height = layout.height ? `${layout.height}px` : "";
    Plotly.react(box, data, layout, config);
    if (!box.dataset.ready) box.on("plotly_click", (event) => choose(event));
    box.dataset.ready = "true";
    performance.mark("chart");
  },

  // A file is for a paper: always light, opaque and of the same size.
  save(id, format) {
    library();
    const root = document.documentElement, before = root.dataset.theme;
    root.dataset.theme = "light";
    this.size = SAVED;
    const figure = this.figure(id);
    this.size = null;
    if (before === undefined) delete root.dataset.theme; else root.dataset.theme = before;
    figure.layout.paper_bgcolor = figure.layout.plot_bgcolor = "#ffffff";
    const {width, height} = figure.layout;
    return Plotly.downloadImage(figure, {format, width, height, scale: format === "png" ? 3 : 1, filename: id});
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

function narrow(width) { return width < NARROW; }

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

function dressed(layout, width) {
  const axis = {gridcolor: colour("grid"), zerolinecolor: colour("line"), linecolor: colour("line"), automargin: true};
  const axes = Object.fromEntries(["xaxis", "yaxis"].map((name) => [name, {...axis, ...layout[name]}]));
  const size = narrow(width) ? 11 : 13;
  return {margin: {l: 50, r: 16, t: 14, b: 46}, hovermode: "closest", showlegend: false, paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)", font: {color: colour("ink"), size, family: "system-ui, DejaVu Sans, sans-serif"},
    hoverlabel: {bgcolor: colour("panel"), font: {color: colour("ink")}}, uirevision: "kept", ...layout, ...axes};
}

const LEGEND = {showlegend: true, legend: {orientation: "h", x: 0, y: 1.02, yanchor: "bottom", itemclick: false, itemdoubleclick: false},
  margin: {l: 50, r: 16, t: 40, b: 46}};

function of(key, row) { return table.column(key).values[row]; }

function percent(value) { return value === null || value === undefined ? null : Number((100 * value).toFixed(2)); }

function escaped(text) { return String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;"); }

function accuracyTitle(which) { return `${which} accuracy, ${DATA.split}, %`; }

function counted(number) { return `n = ${number} trial${number === 1 ? "" : "s"}`; }

function about(row) {
  const lines = DATA.columns.filter((column) => column.knob || ["status", ROBUST, CLEAN, "best_epoch"].includes(column.key))
    .filter((column) => column.values[row] !== null).slice(0, 16)
    .map((column) => `${escaped(column.title)}: ${escaped(table.shown(column, column.values[row]))}`);
  return [`<b>trial ${escaped(DATA.names[row])}</b>`, escaped(DATA.marks.labels[DATA.marks.of[row]]), ...lines].join("<br>");
}
