// Parallel coordinates, drawn as lines between scaled axes: plotly's own are WebGL, which neither prints nor hovers.

const VIRIDIS = ["#440154", "#46327e", "#365c8d", "#277f8e", "#1fa187", "#4ac16d", "#a0da39", "#fde725"];
const BANDS = 6;  // of the eight colours: the last ones are lost on white, the first ones on black
const AXIS_WIDTH = 95, AXIS_HEIGHT = 52;  // pixels that an axis and its names need, upright and lying

function parallel(width) {
  const axes = [...DATA.columns.filter((column) => column.knob), table.column(CLEAN), table.column(ROBUST)].map(axis);
  const rows = table.rows.filter((row) => of(ROBUST, row) !== null).sort((a, b) => of(ROBUST, a) - of(ROBUST, b));
  const groups = new Map(), lying = width < AXIS_WIDTH * axes.length;
  rows.forEach((row, i) => { const band = Math.floor((BANDS * i) / rows.length) + 2 * dark(); groups.set(band, [...(groups.get(band) || []), row]); });
  const traces = [...groups].map(([band, some]) => ribbon(some, axes, VIRIDIS[band], lying));
  return {traces, ...(lying ? lyingAxes(axes, width) : uprightAxes(axes))};
}

function uprightAxes(axes) {
  const ticks = axes.flatMap((each, i) => [[each.low, 0, "top"], [each.high, 1, "bottom"]].map(([text, y, anchor]) => (
    {x: i, y, text: escaped(text), showarrow: false, yanchor: anchor, font: {size: 11}, bgcolor: colour("paper"), borderpad: 1})));
  const shapes = axes.map((_, i) => ({type: "line", x0: i, x1: i, y0: 0, y1: 1, line: {color: colour("others"), width: 1}}));
  return {layout: {annotations: ticks, shapes, yaxis: {visible: false, range: [-.08, 1.08]}, margin: {l: 60, r: 60, t: 14, b: 60},
    xaxis: {tickvals: axes.map((_, i) => i), ticktext: axes.map((each) => escaped(each.title)), showgrid: false, zeroline: false, range: [-.1, axes.length - .9]}}};
}

// On a narrow screen, or with many knobs, axes lie one below the other, so that their names fit.
function lyingAxes(axes, width) {
  const names = axes.flatMap((each, i) => [[each.low, 0, "left"], [each.high, 1, "right"], [`<b>${escaped(shortened(each.title, narrow(width) ? 28 : 60))}</b>`, .5, "center"]]
    .map(([text, x, anchor]) => ({x, y: -i, yshift: 9, text: anchor === "center" ? text : escaped(shortened(String(text), narrow(width) ? 12 : 30)), showarrow: false,
      xanchor: anchor, font: {size: 11}, bgcolor: colour("paper"), opacity: .85, borderpad: 1})));
  const shapes = axes.map((_, i) => ({type: "line", x0: 0, x1: 1, y0: -i, y1: -i, line: {color: colour("others"), width: 1}}));
  return {height: AXIS_HEIGHT * axes.length + 30, layout: {annotations: names, shapes, margin: {l: 12, r: 12, t: 10, b: 10},
    xaxis: {visible: false, range: [-.01, 1.01]}, yaxis: {visible: false, range: [.5 - axes.length, .5]}}};
}

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

function ribbon(rows, axes, color, lying) {
  const all = {x: [], y: [], text: [], customdata: []};
  for (const row of rows) {
    axes.forEach((each, i) => {
      const text = each.format(row), place = text !== null && text !== "" ? each.of(row) : null;
      all.x.push(lying ? place : i);
      all.y.push(lying ? -i : place);
      all.text.push(`<b>trial ${escaped(DATA.names[row])}</b><br>${escaped(each.title)}: ${escaped(text ?? "")}`);
      all.customdata.push(DATA.names[row]);
    });
    for (const list of Object.values(all)) list.push(null);
  }
  return {...all, mode: "lines+markers", line: {color, width: 1.5}, marker: {size: 4, color}, hovertemplate: "%{text}<extra></extra>"};
}
