// What one prediction rests on.

const dialog = document.getElementById("details");
const dialogTitle = document.getElementById("details-title");
const dialogBody = document.getElementById("details-body");
const before = document.getElementById("details-previous");
const after = document.getElementById("details-next");
let walked = []; // the rows that Previous and Next walk through
let place = 0;

function openDetails(list, at) {
  walked = list;
  place = at;
  showDetails();
  if (!dialog.open) dialog.showModal();
  dialogTitle.focus();
}

function step(by) {
  const next = place + by;
  if (next < 0 || next >= walked.length) return;
  place = next;
  showDetails();
}

async function showDetails() {
  const row = walked[place];
  const title = [rows.artist[row], rows.title[row]].filter(Boolean).join(" – ");
  dialogTitle.textContent = title || rows.id[row];
  before.disabled = place === 0;
  after.disabled = place === walked.length - 1;
  dialogBody.replaceChildren();
  const details = await readDetails(row);
  if (walked[place] !== row) return; // already elsewhere
  const parts = [facts(row), cover(row, details)];
  if (details) {
    parts.push(bars("Probabilities", details.p, details.q), reasons(details.r),
      bars("On the cover", details.c), colours(details.k));
  } else {
    parts.push(make("p", "There was no room in the page for what this prediction rests on."));
  }
  dialogBody.replaceChildren(...parts.filter(Boolean));
}

function facts(row) {
  const list = make("dl");
  const agrees = rows.genre[row] === rows.predicted[row];
  const known = rows.genre[row] >= 0 && head.labels.includes(name(rows.genre[row]));
  const said = {
    Album: rows.id[row],
    Predicted: `${name(rows.predicted[row])}, ${percent(rows.confidence[row])}${rows.unsure[row] ? " (unsure)" : ""}`,
    Catalogue: name(rows.genre[row]) + (agrees ? "" : known ? " (another)" : rows.genre[row] < 0 ? "" : " (unknown to the model)"),
    Year: Number.isNaN(rows.year[row]) ? "not known" : String(rows.year[row]),
    Label: rows.advisory[row] < 0 ? "not looked for"
      : `${rows.advisory[row] ? "Parental Advisory" : "none"}, ${percent(rows.score[row])}`,
  };
  for (const [term, text] of Object.entries(said)) {
    const group = make("div");
    const value = make("dd");
    value.append(make("bdi", text));
    group.append(make("dt", term), value);
    list.append(group);
  }
  return list;
}

function cover(row, details) {
  const picture = document.querySelector(`.gallery [data-row="${row}"] img`);
  const box = details?.b;
  if (!picture && !box) return null;
  const frame = make("div", undefined, { class: "cover" });
  if (picture) frame.append(make("img", undefined, { src: picture.src, alt: "The cover" }));
  else frame.classList.add("blank");
  if (box) {
    const [left, top, right, bottom] = box.map((v) => v / 10);
    const mark = make("span", undefined, { class: "box" });
    Object.assign(mark.style, { left: `${left}%`, top: `${top}%`, width: `${right - left}%`, height: `${bottom - top}%` });
    frame.append(mark);
  }
  const figure = make("figure");
  const where = box ? `The label is ${Math.round((box[0] + box[2]) / 20)} % from the left and ${Math.round((box[1] + box[3]) / 20)} % from the top.` : "";
  figure.append(frame, make("figcaption", where));
  return figure;
}

function bars(caption, said, beside) {
  if (!said) return null;
  if (!said.n.length) return make("p", `${caption}: nothing was named.`);
  const table = make("table", undefined, { class: "bars" });
  table.append(make("caption", caption));
  const other = beside && new Map(beside.n.map((key, k) => [key, beside.s[k]]));
  if (other) {
    const row = make("tr");
    for (const text of ["genre", "all that is known", "", "classifier alone"]) row.append(text ? make("th", text, { scope: "col" }) : make("td"));
    table.append(row);
  }
  said.n.forEach((key, k) => {
    const row = make("tr");
    const bar = make("td", undefined, { class: "bar", "aria-hidden": "true" });
    const filled = make("span");
    filled.style.width = `${Math.min(100, said.s[k] / 10)}%`;
    bar.append(filled);
    row.append(make("th", key, { scope: "row" }), make("td", percent(said.s[k] ?? NaN)), bar);
    if (other) row.append(make("td", percent(other.get(key) ?? NaN)));
    table.append(row);
  });
  return table;
}

function reasons(said) {
  if (!said) return make("p", "No reasons: the model does not combine several parts.");
  const table = make("table", undefined, { class: "bars" });
  table.append(make("caption", "Reasons: what moved the predicted genre, in logits, up (+) or down (−)"));
  const most = Math.max(1, ...said.c.map(Math.abs));
  said.i.forEach((input, k) => {
    const row = make("tr");
    const bar = make("td", undefined, { class: "bar signed", "aria-hidden": "true" });
    const filled = make("span", undefined, { class: said.c[k] < 0 ? "down" : "up" });
    filled.style.width = `${(50 * Math.abs(said.c[k])) / most}%`;
    bar.append(filled);
    const value = `${said.c[k] < 0 ? "−" : "+"}${(Math.abs(said.c[k]) / 1000).toFixed(2)}`;
    const what = input === said.p[k] ? input : `${said.p[k]}: ${input}`;
    row.append(make("th", what.replaceAll("_", " "), { scope: "row" }), make("td", value), bar);
    table.append(row);
  });
  return table;
}

function colours(said) {
  if (!said) return null;
  const list = make("ul", undefined, { class: "colours", "aria-label": "Colours" });
  said.n.forEach((hex, k) => {
    const item = make("li");
    const swatch = make("span", undefined, { class: "swatch" });
    if (/^#[0-9a-f]{6}$/i.test(hex)) swatch.style.background = hex;
    item.append(swatch, ` ${hex} ${percent(said.s[k])}`);
    list.append(item);
  });
  return list;
}

function startDetails() {
  document.getElementById("details-close").addEventListener("click", () => dialog.close());
  before.addEventListener("click", () => step(-1));
  after.addEventListener("click", () => step(1));
  dialog.addEventListener("keydown", (event) => {
    if (event.key === "ArrowLeft") step(-1);
    else if (event.key === "ArrowRight") step(1);
    else return;
    event.preventDefault();
  });
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  for (const gallery of document.querySelectorAll(".gallery")) {
    const tiles = [...gallery.querySelectorAll("button")];
    tiles.forEach((tile, at) => tile.addEventListener("click", async () => {
      await rowsRead;
      openDetails(tiles.map((one) => Number(one.dataset.row)), at);
    }));
  }
}
