// Learning curves, and the search path.

const MOST = 20;  // curves that are drawn without being asked for, of all threats and data sets together
const DASHES = ["dash", "dot", "dashdot", "longdash"];

// The parts of a curve: its runs, each with the numbers of its epochs among all that the trial trained.
function runs(row) {
  const {starts, epoch, level, measures} = DATA.curves, key = document.getElementById("measure").value;
  const factor = key.endsWith("_accuracy") ? 100 : 1, parts = [];
  for (let i = starts[row], n = 1; i < starts[row + 1]; i++, n++) {
    if (i === starts[row] || level[i] !== level[i - 1]) parts.push({level: level[i], x: [], y: [], text: []});
    const part = parts.at(-1), value = measures[key][i];
    part.x.push(n);
    part.y.push(value === null ? null : Number((factor * value).toFixed(4)));
    part.text.push(level[i] ? `epoch ${epoch[i]} of run ${level[i] + 1}` : `epoch ${epoch[i]}`);
  }
  const last = ["full", "stopped"].includes(kindOf(row));
  parts.forEach((part, i) => { part.short = i < parts.length - 1 || (!last && kindOf(row) === "short"); });
  return parts;
}

function curves(width) {
  const key = document.getElementById("measure").value, everything = document.getElementById("everything").checked;
  const ranked = [...table.rows].sort((a, b) => compared(of(ROBUST, a), of(ROBUST, b), true));
  const most = Math.ceil(MOST / new Set(table.rows.map((row) => DATA.questions[row])).size), count = {};
  const best = new Set(ranked.filter((row) => (count[DATA.questions[row]] = (count[DATA.questions[row]] || 0) + 1) <= most));
  const chosen = DATA.names.map((_, row) => row).filter((row) => table.selected.has(DATA.names[row]));
  const shown = ranked.filter((row) => best.has(row) && !chosen.includes(row)).reverse();
  const traces = everything ? [background(ranked.filter((row) => !best.has(row)))] : [];
  const shades = {full: shown.filter((row) => runs(row).some((part) => !part.short))};
  for (const row of shown) {
    const strength = shade(shades.full.indexOf(row), shades.full.length), thick = DATA.best.includes(row);
    traces.push(...curve(row, {color: strength, width: thick ? 3.5 : 1.5}, {color: markColour("short"), width: thick ? 2.5 : 1, dash: "dot"}));
  }
  chosen.forEach((row, i) => {
    const line = {color: PALETTE[(i + 2) % PALETTE.length], width: 2.6, dash: DASHES[i % DASHES.length]};
    traces.push(...curve(row, line, line));
  });
  const drawn = [...shown, ...chosen];
  traces.push(marks(drawn, key), ...curveLegend(drawn));
  return {traces, layout: {...LEGEND, shapes: rungs(), annotations: rungNames(width),
    xaxis: {title: {text: `epochs trained (${counted(drawn.length)} drawn)`}, rangemode: "tozero"}, yaxis: {title: {text: DATA.curves.titles[key]}}}};
}

function curve(row, line, short) {
  const name = DATA.names[row];
  return runs(row).map((part) => ({x: part.x, y: part.y, text: part.text, mode: "lines", line: part.short ? short : line, opacity: part.short ? .75 : 1,
    customdata: part.x.map(() => name), name: escaped(name), showlegend: false,
    hovertemplate: `<b>trial ${escaped(name)}</b><br>%{text}: %{y:.2f}<extra></extra>`}));
}

function curveLegend(rows) {
  const parts = rows.flatMap(runs), entry = (name, line) => ({x: [null], y: [null], mode: "lines", name, line, showlegend: true, hoverinfo: "skip"});
  const several = parts.some((part) => part.short);
  return [...(parts.some((part) => !part.short) ? [entry(several ? "full run" : "run", {color: colour("accent"), width: 2})] : []),
    ...(several ? [entry("short run", {color: markColour("short"), width: 1.5, dash: "dot"})] : []),
    entry("best", {color: colour("accent"), width: 3.5}),
    {...entry("selected epoch"), mode: "markers", marker: {size: 6, color: colour("ink")}}];
}

function rungs() {
  return DATA.rungs.map((at) => ({type: "line", x0: at + .5, x1: at + .5, y0: 0, y1: 1, yref: "paper", layer: "below",
    line: {color: colour("faint"), width: 1, dash: "dot"}}));
}

function rungNames(width) {
  return DATA.rungs.map((at, i) => ({x: at + .5, y: 0, yref: "paper", yanchor: "bottom", xanchor: "left", showarrow: false,
    text: narrow(width) ? `rung ${i + 1}` : `rung ${i + 1}: after ${at} epoch${at === 1 ? "" : "s"}`, font: {size: 11, color: colour("faint")}}));
}

function background(rows) {
  const all = {x: [], y: [], customdata: []};
  for (const row of rows) {
    for (const {x, y} of runs(row)) {
      all.x.push(...x, null);
      all.y.push(...y, null);
      all.customdata.push(...x.map(() => DATA.names[row]), null);
    }
  }
  return {...all, mode: "lines", line: {color: colour("others"), width: .6}, opacity: .6, showlegend: false,
    text: all.customdata.map((name) => escaped(name)), hovertemplate: "trial %{text}: %{y:.2f}<extra></extra>"};
}

function marks(rows, key) {
  const x = [], y = [], {starts, selected, measures} = DATA.curves, factor = key.endsWith("_accuracy") ? 100 : 1;
  for (const row of rows.filter((each) => selected[each] >= 0)) {
    x.push(selected[row] - starts[row] + 1);
    y.push(factor * measures[key][selected[row]]);
  }
  return {x, y, mode: "markers", marker: {size: 6, color: colour("ink")}, hoverinfo: "skip", showlegend: false};
}

function shade(i, count) {
  const share = count < 2 ? 100 : Math.round((100 * i) / (count - 1));
  return blend(share, "accent", "others");
}

// ---- search path

const PATH_COLOURS = ["#0072b2", "#009e73", "#cc79a7", "#e69f00"];  // not that of short runs, whose points stand beside

function path() {
  const {paths, titles, trials} = DATA.path, cost = document.getElementById("cost").value, several = paths.length > 1;
  if (!cost) return {traces: [], layout: {annotations: [{text: "no trial has reported an epoch", showarrow: false}]}};
  const rows = table.rows.filter((row) => of(ROBUST, row) !== null && trials[cost][row] !== null);
  const lines = paths.map((each, i) => ({x: each.cost[cost], y: [...each.best, each.best.at(-1)].map(percent), mode: "lines", showlegend: true,
    name: several ? escaped(each.name) : "best so far", line: {shape: "hv", width: 2, dash: i ? DASHES[(i - 1) % DASHES.length] : "solid",
      color: several ? PATH_COLOURS[i % PATH_COLOURS.length] : colour("accent")},
    text: [...each.rows, each.rows.at(-1)].map((row) => escaped(DATA.names[row])), hovertemplate: "best so far: %{y:.1f} %, trial %{text}<extra></extra>"}));
  document.getElementById("path-order").textContent = paths.every((each) => each.ordered) ? ""
    : " Logs do not say which trial came first, so that trials follow one after another.";
  return {traces: [...lines, ...legend(rows), dots(rows, (row) => trials[cost][row], (row) => percent(of(ROBUST, row)))],
    layout: {...LEGEND, xaxis: {title: {text: escaped(titles[cost])}, rangemode: "tozero"}, yaxis: {title: {text: accuracyTitle("robust")}}}};
}
