// What starts when the page has been read: first the table, then the charts.

let DATA = JSON.parse(document.getElementById("data").textContent);

function choices() {
  fill("measure", Object.entries(DATA.curves.titles));
  const knobs = DATA.columns.filter((column) => column.knob).map((column) => [column.key, column.title]);
  fill("knob", knobs);
  fill("other", [["", "no other knob"], ...knobs]);
  fill("point", [["", "the selected epochs"], ...DATA.points.map((point, i) => [String(i), `${point.title} (${counted(point.values.filter((value) => value !== null).length)})`])]);
  fill("cost", Object.entries(DATA.path.titles));
  fill("correlated", DATA.correlations.map((each) => [each.name, each.name]));
  document.getElementById("correlation-choice").hidden = DATA.correlations.length < 2;
}

function fill(id, pairs) {
  const box = document.getElementById(id), before = box.value;
  box.replaceChildren(...pairs.map(([value, text]) => element("option", {value}, text)));
  if (pairs.some(([value]) => value === before)) box.value = before;
}

function numbers() {
  const details = document.getElementById("numbers");
  if (!details.open) return;
  const chosen = DATA.names.map((_, row) => row).filter((row) => table.selected.has(DATA.names[row]));
  const rows = chosen.length ? chosen : DATA.best, {starts, epoch, level, measures, titles} = DATA.curves;
  const heads = ["trial", "run", "epoch", ...Object.values(titles)].map((text, i) => element("th", {scope: "col", class: i ? "n" : ""}, text));
  details.querySelector("thead").replaceChildren(element("tr", {}, ...heads));
  const lines = rows.flatMap((row) => [...Array(starts[row + 1] - starts[row]).keys()].map((n) => {
    const i = starts[row] + n;
    const values = Object.entries(measures).map(([key, list]) => (list[i] === null ? "" : key.endsWith("_accuracy") ? (100 * list[i]).toFixed(1) : list[i].toFixed(3)));
    return element("tr", {}, element("th", {scope: "row"}, DATA.names[row]), ...[level[i] + 1, epoch[i], ...values].map((text) => element("td", {class: "n"}, String(text))));
  }));
  details.querySelector("tbody").replaceChildren(...lines);
}

choices();
table.onchange = () => { charts.again(); numbers(); };
table.start();
for (const id of ["measure", "everything"]) document.getElementById(id).addEventListener("change", () => charts.draw("chart-curves"));
for (const id of ["knob", "other", "point"]) document.getElementById(id).addEventListener("change", () => charts.draw("chart-knob"));
document.getElementById("cost").addEventListener("change", () => charts.draw("chart-path"));
document.getElementById("correlated").addEventListener("change", () => charts.draw("chart-correlation"));
document.getElementById("numbers").addEventListener("toggle", numbers);
document.getElementById("theme").addEventListener("click", () => {
  document.documentElement.dataset.theme = dark() ? "light" : "dark";
  charts.again();
});
addEventListener("beforeprint", () => {
  for (const each of document.querySelectorAll("details")) each.open = true;
  numbers();  // which the event of opening would only do after the print
});
charts.start();
if (document.getElementById("state")) live.ask();
performance.mark("table");
