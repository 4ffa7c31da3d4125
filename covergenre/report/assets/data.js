// What the page holds: names, figures, and rows in packs that are read when they are needed.

const head = JSON.parse(document.getElementById("head").textContent);
const figures = JSON.parse(document.getElementById("figures").textContent);

async function unpack(element) {
  const text = atob(element.textContent);
  const bytes = new Uint8Array(text.length);
  for (let k = 0; k < text.length; k++) bytes[k] = text.charCodeAt(k);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(stream).text());
}

const rows = {
  count: head.count,
  id: [], artist: [], title: [],
  genre: new Int32Array(head.count), predicted: new Int32Array(head.count),
  confidence: new Float64Array(head.count), score: new Float64Array(head.count),
  year: new Float64Array(head.count),
  advisory: new Int8Array(head.count), unsure: new Int8Array(head.count),
};

async function readRows() {
  let start = 0;
  for (const element of document.querySelectorAll("script.rows")) {
    const pack = await unpack(element);
    const size = pack.id.length;
    for (let k = 0; k < size; k++) {
      const row = start + k;
      rows.genre[row] = pack.genre[k];
      rows.predicted[row] = pack.predicted[k];
      rows.confidence[row] = pack.confidence[k];
      rows.score[row] = pack.score[k] ?? NaN;
      rows.year[row] = pack.year[k] ?? NaN;
      rows.advisory[row] = pack.advisory[k] ?? -1;
      rows.unsure[row] = pack.abstained[k] ?? 0;
    }
    // Not by push(...): a pack would be that many arguments.
    for (const name of ["id", "artist", "title"]) for (const text of pack[name]) rows[name].push(text);
    start += size;
  }
}

const detailPacks = new Map();
let packSize = 0;

async function readDetails(row) {
  const elements = document.querySelectorAll("script.details");
  if (row >= head.detailed || !elements.length) return null;
  packSize ||= head.pack;
  const place = Math.floor(row / packSize);
  if (!detailPacks.has(place)) detailPacks.set(place, unpack(elements[place]));
  return (await detailPacks.get(place))[row % packSize];
}

const name = (code) => (code < 0 ? "not known" : head.names[code]);
const percent = (thousandths) => (Number.isNaN(thousandths) ? "–" : `${(thousandths / 10).toFixed(1)} %`);

// Texts of the catalogue are only ever set as text, never read as HTML.
function make(tag, text, attributes = {}) {
  const element = document.createElement(tag);
  if (text !== undefined) element.textContent = text;
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}
