// The table of all predictions: sorted, filtered and searched as arrays, one page of it as HTML.

const PAGE = 50;
const form = document.getElementById("filters");
const texts = []; // what is searched, one text a row
const orders = new Map(); // rows by a column, each way sorted once
const state = { by: "id", down: false, page: 0, shown: new Uint32Array(0) };

const columns = [
  { key: "artist", title: "Artist", text: (row) => rows.artist[row] },
  { key: "title", title: "Title", text: (row) => rows.title[row] },
  { key: "id", title: "Album", text: (row) => rows.id[row] },
  { key: "genre", title: "Catalogue", text: (row) => name(rows.genre[row]) },
  { key: "predicted", title: "Predicted", text: (row) => name(rows.predicted[row]) },
  { key: "confidence", title: "Confidence", text: (row) => percent(rows.confidence[row]), number: true },
  { key: "year", title: "Year", text: (row) => (Number.isNaN(rows.year[row]) ? "–" : rows.year[row]), number: true },
  { key: "score", title: "Label", text: label, number: true },
];

function label(row) {
  if (rows.advisory[row] < 0) return "–";
  return `${rows.advisory[row] ? "yes, " : "no, "}${percent(rows.score[row])}`;
}

// Without case and accents: bjork finds Björk.
function plain(text) {
  const lower = text.toLowerCase();
  return /[^\x00-\x7f]/.test(lower) ? lower.normalize("NFD").replace(/\p{M}/gu, "") : lower;
}

// Numbers that sort as the column does; NaN is last, whichever way.
function keys(column) {
  if (column === "confidence" || column === "score" || column === "year") return rows[column];
  if (column === "genre" || column === "predicted") {
    return Float64Array.from(rows[column], (code) => (code < 0 ? NaN : code)); // names are sorted
  }
  const values = rows[column].map(plain);
  const order = Uint32Array.from(values.keys());
  order.sort((a, b) => (values[a] < values[b] ? -1 : values[a] > values[b] ? 1 : a - b));
  const ranks = new Float64Array(values.length);
  let rank = 0;
  order.forEach((row, k) => {
    if (k && values[row] !== values[order[k - 1]]) rank = k;
    ranks[row] = values[row] === "" ? NaN : rank;
  });
  return ranks;
}

function sorted(column, down) {
  const known = `${column} ${down}`;
  if (!orders.has(known)) {
    const by = keys(column);
    const order = Uint32Array.from({ length: rows.count }, (_, k) => k);
    const sign = down ? -1 : 1;
    order.sort((a, b) => {
      const x = by[a], y = by[b];
      if (x === y) return a - b;
      if (x !== x) return y !== y ? a - b : 1;
      if (y !== y) return -1;
      return sign * (x - y);
    });
    orders.set(known, order);
  }
  return orders.get(known);
}

function wanted() {
  const asked = new FormData(form);
  const words = plain(String(asked.get("search"))).split(/\s+/).filter(Boolean);
  const number = (key) => (asked.get(key) === "" ? null : Number(asked.get(key)));
  const [genre, predicted, advisory] = ["genre", "predicted", "advisory"].map(number);
  const [from, to] = ["from", "to"].map(number);
  return (row) =>
    (genre === null || rows.genre[row] === genre) &&
    (predicted === null || rows.predicted[row] === predicted) &&
    (advisory === null || rows.advisory[row] === advisory) &&
    (from === null || rows.year[row] >= from) &&
    (to === null || rows.year[row] <= to) &&
    (!asked.has("differs") || (rows.genre[row] >= 0 && rows.genre[row] !== rows.predicted[row])) &&
    (!asked.has("unsure") || rows.unsure[row] === 1) &&
    words.every((word) => texts[row].includes(word));
}

function update() {
  state.shown = sorted(state.by, state.down).filter(wanted());
  state.page = 0;
  const count = state.shown.length.toLocaleString("en");
  document.getElementById("count").textContent = `${count} of ${rows.count.toLocaleString("en")} predictions`;
  showPage();
}

function showPage(focus) {
  const body = document.querySelector("#rows tbody");
  const pages = Math.max(1, Math.ceil(state.shown.length / PAGE));
  const start = state.page * PAGE;
  const part = state.shown.subarray(start, start + PAGE);
  body.replaceChildren(...Array.from(part, (row, k) => tableRow(row, start + k)));
  document.getElementById("page").textContent = `page ${state.page + 1} of ${pages}`;
  for (const id of ["first", "previous"]) document.getElementById(id).disabled = state.page === 0;
  for (const id of ["next", "last"]) document.getElementById(id).disabled = state.page >= pages - 1;
  for (const cell of document.querySelectorAll("#rows thead th")) {
    const direction = cell.dataset.key !== state.by ? "none" : state.down ? "descending" : "ascending";
    cell.setAttribute("aria-sort", direction);
  }
  if (focus !== undefined) body.querySelectorAll("button")[focus]?.focus();
}

function tableRow(row, at) {
  const line = make("tr");
  shownColumns.forEach((column, k) => {
    const cell = k ? make("td") : make("th", undefined, { scope: "row" });
    if (column.number) cell.className = "number";
    if (column.key === "predicted" && head.labels.includes(name(rows.genre[row])) && rows.genre[row] !== rows.predicted[row]) {
      cell.className = "differs";
    }
    const text = String(column.text(row)) || "–";
    if (k) cell.append(make("bdi", text));
    else {
      const button = make("button", undefined, { type: "button", class: "link" });
      button.append(make("bdi", text));
      cell.append(button);
    }
    line.append(cell);
  });
  line.addEventListener("click", () => openDetails(state.shown, at));
  return line;
}

let shownColumns = columns;

function turn(page, focus) {
  const last = Math.max(0, Math.ceil(state.shown.length / PAGE) - 1);
  state.page = Math.min(Math.max(page, 0), last);
  showPage(focus);
}

function move(event) {
  const buttons = [...document.querySelectorAll("#rows tbody button")];
  const at = buttons.indexOf(document.activeElement);
  if (at < 0) return;
  const last = Math.ceil(state.shown.length / PAGE) - 1;
  if (event.key === "ArrowDown" && at < buttons.length - 1) buttons[at + 1].focus();
  else if (event.key === "ArrowDown" && state.page < last) turn(state.page + 1, 0);
  else if (event.key === "ArrowUp" && at > 0) buttons[at - 1].focus();
  else if (event.key === "ArrowUp" && state.page > 0) turn(state.page - 1, PAGE - 1);
  else if (event.key === "Home") buttons[0].focus();
  else if (event.key === "End") buttons.at(-1).focus();
  else return;
  event.preventDefault();
}

function choices(select, codes) {
  select.append(make("option", "any", { value: "" }));
  for (const code of [...new Set(codes)].sort((a, b) => a - b)) select.append(make("option", name(code).slice(0, 60), { value: code }));
}

function startTable() {
  // Of columns that say nothing of any row there is no use.
  const says = { artist: (row) => rows.artist[row], title: (row) => rows.title[row],
    year: (row) => !Number.isNaN(rows.year[row]), genre: (row) => rows.genre[row] >= 0,
    score: (row) => rows.advisory[row] >= 0 };
  const every = Array.from({ length: rows.count }, (_, k) => k);
  shownColumns = columns.filter((column) => !says[column.key] || every.some(says[column.key]));
  for (const row of every) texts.push(plain(`${rows.artist[row]}\n${rows.title[row]}\n${rows.id[row]}`));
  const line = document.querySelector("#rows thead tr");
  for (const column of shownColumns) {
    const cell = make("th", undefined, { scope: "col", "data-key": column.key });
    const button = make("button", column.title, { type: "button" });
    button.addEventListener("click", () => {
      state.down = state.by === column.key ? !state.down : column.number === true;
      state.by = column.key;
      update();
    });
    cell.append(button);
    line.append(cell);
  }
  choices(form.elements.genre, rows.genre);
  choices(form.elements.predicted, rows.predicted);
  let timer;
  const soon = () => { clearTimeout(timer); timer = setTimeout(update, 120); };
  form.addEventListener("input", soon);
  form.addEventListener("change", soon); // not every choice is told as an input
  form.addEventListener("reset", () => setTimeout(update));
  form.addEventListener("submit", (event) => event.preventDefault());
  document.querySelector("#rows tbody").addEventListener("keydown", move);
  const pages = { first: () => 0, previous: () => state.page - 1, next: () => state.page + 1, last: () => Infinity };
  for (const [id, page] of Object.entries(pages)) {
    document.getElementById(id).addEventListener("click", () => turn(page()));
  }
  update();
}
