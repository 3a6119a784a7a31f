// What starts when the page has been read: first the table, then the charts.

let DATA = JSON.parse(document.getElementById("data").textContent);

function choices() {
  fill("measure", Object.entries(DATA.curves.titles));
  fill("knob", DATA.columns.filter((column) => column.knob).map((column) => [column.key, column.title]));
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
document.getElementById("knob").addEventListener("change", () => charts.draw("chart-knob"));
document.getElementById("numbers").addEventListener("toggle", numbers);
document.getElementById("theme").addEventListener("click", () => {
  document.documentElement.dataset.theme = dark() ? "light" : "dark";
  charts.again();
});
addEventListener("beforeprint", () => { for (const each of document.querySelectorAll("details")) each.open = true; });
charts.start();
if (document.getElementById("state")) live.ask();
performance.mark("table");
