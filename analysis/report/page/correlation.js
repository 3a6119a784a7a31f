// Rank correlations as a coloured table: blue and orange differ for all readers, and the numbers stand in it.

const DIVERGING = [[0, "#d55e00"], [.5, "#f4f4f4"], [1, "#0072b2"]];

function correlation(width) {
  const found = DATA.correlations.find((each) => each.name === document.getElementById("correlated").value);
  if (!found) return {traces: [], height: 120, layout: {xaxis: {visible: false}, yaxis: {visible: false},
    annotations: [{text: "too few trials, or no knob that is a number", showarrow: false}]}};
  const names = found.knobs.map((name) => escaped(shortened(name, narrow(width) ? 16 : 32))), last = names.length - 1;
  // only what is below the diagonal says anything: the rest is the same again
  const cells = found.values.slice(1).map((row, i) => row.slice(0, -1).map((value, j) => (j <= i ? value : null)));
  const trace = {type: "heatmap", x: names.slice(0, last), y: names.slice(1), z: cells, zmin: -1, zmax: 1, colorscale: DIVERGING, xgap: 2, ygap: 2,
    hoverongaps: false, hovertemplate: "%{y}, %{x}: %{z:.2f}<extra></extra>", showscale: false};
  const tight = narrow(width) && last > 5, size = tight ? 8 : last > 12 ? 10 : 12;
  const numbers = cells.flatMap((row, i) => row.map((value, j) => [value, i, j])).filter(([value]) => value !== null)
    .map(([value, i, j]) => ({x: j, y: i, text: value.toFixed(tight ? 1 : 2).replace("-", "\u2212"), showarrow: false, font: {size, color: Math.abs(value) > .6 ? "#fff" : "#1c1e24"}}));
  return {traces: [trace], height: Math.min(760, 170 + (narrow(width) ? 30 : 36) * last),
    layout: {annotations: numbers, xaxis: {showgrid: false, tickangle: last > 3 ? -40 : 0,
      title: {text: `rank correlation (${counted(found.n)},<br>compared at ${escaped(found.compared_at)})`}},
      yaxis: {showgrid: false, autorange: "reversed"}, margin: {l: 60, r: 16, t: 10, b: 50}}};
}

function shortened(name, most) { return name.length <= most ? name : `\u2026${name.slice(1 - most)}`; }
