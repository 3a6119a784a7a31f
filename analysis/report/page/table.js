"use strict";
// The table of trials: sorted, filtered, and put into the page in chunks so that it opens at once.

const CHUNK = 120;

const table = {
  sort: {key: "val_robust_accuracy", down: true},
  words: "",
  rows: [],        // numbers of the rows that are left, in their order
  selected: new Set(),  // names of trials, which stay what they are when rows move
  onchange: () => {},

  column(key) { return DATA.columns.find((column) => column.key === key); },

  scale(column) { return column.kind === "percent" || column.kind === "points" ? 100 : 1; },

  shown(column, value) {
    if (value === null || value === undefined) return "";
    if (column.kind === "text") return value;
    if (column.kind !== "number") return (100 * value).toFixed(1);
    if (column.knob) return value !== 0 && Math.abs(value) < 1e-3 ? value.toExponential(2) : String(Number(value.toPrecision(4)));
    return Number.isInteger(value) ? String(value) : value.toFixed(1);
  },

  refresh() {
    const column = this.column(this.sort.key) || DATA.columns[0];
    const keep = condition(this.words);
    this.rows = DATA.names.map((_, row) => row).filter(keep);
    // accuracies of different threats or data are no ranking, so that these stay apart
    this.rows.sort((a, b) => DATA.questions[a] - DATA.questions[b] || compared(column.values[a], column.values[b], this.sort.down) || a - b);
    this.head();
    this.body();
    document.getElementById("count").textContent = `${this.rows.length} of ${DATA.names.length} trials`;
    this.onchange();
  },

  head() {
    const cells = DATA.columns.map((column) => {
      const cell = element("th", {scope: "col", "aria-sort": this.direction(column)}, element("button", {type: "button", "data-key": column.key}, column.title));
      if (column.kind !== "text") cell.className = "n";
      return cell;
    });
    const focused = document.activeElement?.closest?.("#table thead button")?.dataset.key;
    document.querySelector("#table thead").replaceChildren(element("tr", {}, ...cells));
    if (focused) this.button(focused)?.focus();
  },

  button(key) { return [...document.querySelectorAll("#table thead button")].find((each) => each.dataset.key === key); },

  direction(column) {
    if (column.key !== this.sort.key) return "none";
    return this.sort.down ? "descending" : "ascending";
  },

  body() {
    const body = document.querySelector("#table tbody");
    const focused = document.activeElement?.closest?.("#table tbody button")?.dataset.name;
    body.replaceChildren();
    this.put = 0;
    this.more(CHUNK);
    this.rest();
    if (focused !== undefined) [...body.querySelectorAll("button")].find((each) => each.dataset.name === focused)?.focus();
  },

  more(count) {
    const some = this.rows.slice(this.put, this.put + count).map((row) => this.line(row));
    this.put += some.length;
    document.querySelector("#table tbody").append(...some);
  },

  rest() {
    clearTimeout(this.timer);
    if (this.put < this.rows.length) this.timer = setTimeout(() => { this.more(CHUNK); this.rest(); });
  },

  line(row) {
    const cells = DATA.columns.map((column) => {
      const text = this.shown(column, column.values[row]);
      if (column.key === "trial_id") return element("th", {scope: "row"}, this.switch(row, text));
      const cell = element("td", {}, text);
      if (column.kind !== "text") cell.className = "n";
      return cell;
    });
    return element("tr", DATA.best.includes(row) ? {class: "best"} : {}, ...cells);
  },

  switch(row, text) {
    const name = DATA.names[row];
    return element("button", {type: "button", "data-name": name, "aria-pressed": String(this.selected.has(name)), title: "Show its curve"}, text);
  },

  select(name) {
    this.selected.has(name) ? this.selected.delete(name) : this.selected.add(name);
    for (const button of document.querySelectorAll("#table tbody button"))
      button.setAttribute("aria-pressed", String(this.selected.has(button.dataset.name)));
    this.onchange();
  },

  // The rows and columns of the table as they stand, accuracies as fractions.
  save() {
    const quoted = (value) => (/[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value);
    const line = (values) => values.map((value) => quoted(String(value ?? ""))).join(",");
    const lines = [DATA.columns.map((column) => column.key), ...this.rows.map((row) => DATA.columns.map((column) => column.values[row]))].map(line);
    const link = element("a", {download: "trials.csv", href: URL.createObjectURL(new Blob([`${lines.join("\r\n")}\r\n`], {type: "text/csv"}))});
    link.click();
    URL.revokeObjectURL(link.href);
  },

  start() {
    document.querySelector("#table thead").addEventListener("click", (event) => {
      const key = event.target.closest("button")?.dataset.key;
      if (key === undefined) return;
      const first = this.column(key).kind !== "text";
      this.sort = {key, down: this.sort.key === key ? !this.sort.down : first};
      this.refresh();
    });
    document.querySelector("#table tbody").addEventListener("click", (event) => {
      const name = event.target.closest("button")?.dataset.name;
      if (name !== undefined) this.select(name);
    });
    const box = document.getElementById("filter");
    box.addEventListener("input", () => { this.words = box.value; this.refresh(); });
    document.getElementById("clear").addEventListener("click", () => { box.value = this.words = ""; this.refresh(); box.focus(); });
    document.getElementById("csv").addEventListener("click", () => this.save());
    addEventListener("beforeprint", () => this.more(Infinity));
    this.refresh();
  },
};

function element(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);  // text is put in as text, never as HTML
  return made;
}

function compared(a, b, down) {
  const nothing = (value) => value === null || value === undefined;
  if (nothing(a) || nothing(b)) return nothing(a) - nothing(b);  // what is missing comes last, either way
  const order = typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), "en", {numeric: true});
  return down ? -order : order;
}

function condition(words) {
  const tests = words.trim().toLowerCase().split(/\s+/).filter(Boolean).map(test);
  return (row) => tests.every((each) => each(row));
}

function test(word) {
  const match = /^(.+?)(>=|<=|>|<|=)(-?[\d.]+(?:e[+-]?\d+)?)$/.exec(word);
  const column = match && meant(match[1]);
  if (!column) return (row) => DATA.columns.some((each) => String(table.shown(each, each.values[row])).toLowerCase().includes(word));
  const number = Number(match[3]), scale = table.scale(column);
  const holds = {">=": (x) => x >= number, "<=": (x) => x <= number, ">": (x) => x > number, "<": (x) => x < number,
    "=": (x) => Math.abs(x - number) <= 1e-9 * Math.max(1, Math.abs(number))}[match[2]];
  return (row) => column.values[row] !== null && holds(Number((scale * column.values[row]).toPrecision(12)));
}

function meant(name) {
  const numeric = DATA.columns.filter((column) => column.kind !== "text");
  const spelled = (column) => [column.key.toLowerCase(), column.title.toLowerCase().replaceAll(" ", "_"), column.title.toLowerCase().split(" ")[0]];
  return numeric.find((column) => spelled(column).slice(0, 2).includes(name)) || numeric.find((column) => spelled(column)[2] === name)
    || numeric.find((column) => column.knob && column.key.toLowerCase().endsWith("." + name));
}
