// A page that steps through a run by keyboard, mouse and touch. It asks nobody for anything.

const data = JSON.parse(document.getElementById("data").textContent);
const state = { step: 0, item: 0, grid: 0, matrix: 0 };
const MOST_RECORDS = 200;
const MOST_ENTRIES = 8;
const FEW_ITEMS = 16;

function element(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
const lastStep = data.steps.length - 1;

// --- controls ---

function goTo(step) {
  state.step = Math.min(lastStep, Math.max(0, step));
  show();
}

function choose(item) {
  state.item = Math.min(data.nItems - 1, Math.max(0, item || 0));
  show();
}

const button = (sign, name, keys, act) =>
  element(
    "button",
    { type: "button", "aria-label": name, title: `${name} (${keys})`, onclick: act },
    sign,
  );
const slider = element("input", {
  type: "range",
  id: "step",
  min: 0,
  max: lastStep,
  value: 0,
  "aria-label": data.step,
  oninput: (event) => goTo(Number(event.target.value)),
});
const where = element("output", { id: "where", "aria-live": "polite" });
const controls = element(
  "nav",
  { "aria-label": `steps through the ${data.step}s` },
  element(
    "div",
    { class: "buttons" },
    button("|<", `first ${data.step}`, "Home", () => goTo(0)),
    button("<", `${data.step} before`, "left arrow", () => goTo(state.step - 1)),
    slider,
    button(">", `next ${data.step}`, "right arrow", () => goTo(state.step + 1)),
    button(">|", `last ${data.step}`, "End", () => goTo(lastStep)),
  ),
  where,
);

const KEYS = {
  ArrowLeft: () => goTo(state.step - 1),
  ArrowRight: () => goTo(state.step + 1),
  Home: () => goTo(0),
  End: () => goTo(lastStep),
  ArrowUp: () => choose(state.item - 1),
  ArrowDown: () => choose(state.item + 1),
};
document.addEventListener("keydown", (event) => {
  const typing = event.target.matches("select, input[type=number]");
  if (typing || event.ctrlKey || event.altKey || event.metaKey || !KEYS[event.key]) return;
  if (event.target.closest("pre, .scroll")) return;
  event.preventDefault();
  KEYS[event.key]();
});

const chosen = element("input", {
  type: "number",
  id: "item",
  min: 0,
  max: data.nItems - 1,
  value: 0,
  onchange: (event) => choose(Number(event.target.value)),
});
const chooser = element("label", { class: "choice" }, `${capital(data.item)} `, chosen);

function selection(id, label, names, act) {
  const options = names.map((name, i) => element("option", { value: i }, name));
  const select = element(
    "select",
    { id, onchange: (event) => act(Number(event.target.value)) },
    ...options,
  );
  return element("label", { class: "choice" }, `${label} `, select);
}

// --- panels: each returns its element and a function that shows the state ---

function numbersPanel() {
  const values = data.headings.map(() => element("dd", {}));
  const pairs = data.headings.map((name, i) =>
    element("div", {}, element("dt", {}, name), values[i]),
  );
  const title = element("h2", {}, `All ${data.item}s, this ${data.step}`);
  const panel = element("section", { id: "numbers" }, title, element("dl", {}, ...pairs));
  return [
    panel,
    () =>
      values.forEach((value, i) => {
        value.textContent = data.numbers[state.step][i] || "-";
      }),
  ];
}

function canvasPanel(id, title, label, onHit) {
  const canvas = element("canvas", { role: "img", "aria-label": label });
  const status = element("p", { class: "status" });
  const below = element("div", { class: "below" });
  const frame = element("div", { class: "frame" }, canvas);
  const panel = element("section", { id }, element("h2", {}, title), frame, below, status);
  const now = { grid: null };
  canvas.addEventListener("click", (event) => {
    const hit = now.grid && hitGrid(canvas, now.grid, event);
    if (hit) onHit(hit);
  });
  return { panel, canvas, status, below, frame, now };
}

function gridPanel(grids) {
  const title = `${capital(data.step)}s (down) and ${data.item}s (across)`;
  const made = canvasPanel("grid", title, title, (hit) => {
    state.step = hit.row;
    choose(hit.column);
  });
  const names = grids.map((grid) => grid.name);
  const picked = selection("load", "Show", names, (index) => {
    state.grid = index;
    show();
  });
  made.panel.insertBefore(picked, made.frame);
  if (data.nItems > FEW_ITEMS) made.panel.className = "wide";
  const cache = new Map();
  let legend = null;
  return [
    made.panel,
    async () => {
      const index = state.grid;
      if (!cache.has(index)) cache.set(index, gridOf(grids[index]));
      const grid = await cache.get(index);
      if (index !== state.grid) return;
      made.now.grid = grid;
      grid.rowNames = data.steps.map((_, i) => (i ? i - 1 : "in"));
      drawGrid(made.canvas, grid, state.step, state.item);
      if (legend !== grid) {
        legend = grid;
        made.below.replaceChildren(legendOf(grid));
      }
      const values = Array.from({ length: grid.columns }, (_, i) => grid.at(state.step, i));
      const most = values.reduce((best, value, i) => (value > values[best] ? i : best), 0);
      made.status.textContent =
        `${capital(data.item)} ${state.item}: ${values[state.item]} of ${grid.limit} ${grid.name}. ` +
        `Most: ${values[most]}, ${data.item} ${most}` +
        sharing(grid, made.canvas) +
        ".";
      made.canvas.setAttribute("aria-label", `${title}. ${made.status.textContent}`);
    },
  ];
}

function matrixPanel() {
  const made = canvasPanel("matrix", data.pairs, data.pairs, (hit) => choose(hit.row));
  const slot = element("div", {});
  made.panel.insertBefore(slot, made.frame);
  const cache = new Map();
  let names = "";
  return [
    made.panel,
    async () => {
      const matrices = data.matrices[state.step];
      made.panel.hidden = !matrices.length;
      if (!matrices.length) return;
      state.matrix = Math.min(state.matrix, matrices.length - 1);
      const listed = matrices.map((matrix) => matrix.name);
      if (names !== listed.join("\n")) {
        names = listed.join("\n");
        const picked = selection("head", "Show", listed, (index) => {
          state.matrix = index;
          show();
        });
        picked.firstElementChild.value = state.matrix;
        slot.replaceChildren(picked);
      }
      const json = matrices[state.matrix];
      if (!cache.has(json)) cache.set(json, await matrixOf(json, data.nItems));
      const matrix = (made.now.grid = cache.get(json));
      if (json !== data.matrices[state.step][state.matrix]) return;
      drawGrid(made.canvas, matrix, state.item, null);
      const own = matrix.entries.filter((entry) => entry.row === state.item);
      own.sort((one, other) => other.value - one.value);
      const said = own
        .slice(0, MOST_ENTRIES)
        .map((entry) => `${entry.column}: ${written(entry.value, matrix.unit)}`);
      const more = own.length > MOST_ENTRIES ? `, and ${own.length - MOST_ENTRIES} more` : "";
      made.status.textContent =
        `${capital(data.item)} ${state.item} has ` +
        (said.length ? said.join(", ") + more : "nothing") +
        sharing(matrix, made.canvas) +
        ".";
      const notes = matrix.notes.map((note) => element("p", { class: "note" }, note));
      made.below.replaceChildren(legendOf(matrix), ...notes);
    },
  ];
}

// The records of the chosen item in a section, each as one line of text.
async function recordsOf(section) {
  if (!section.read) {
    section.read = Promise.all([section.owner, ...section.columns].map(unpack));
  }
  const [owner, ...columns] = await section.read;
  const records = [];
  for (let i = 0; i < owner.length; i++) {
    if (Number(owner[i]) === state.item) records.push(columns.map((column) => String(column[i])));
  }
  return records;
}

function countOf(list) {
  const count = new Map();
  for (const each of list) count.set(each, (count.get(each) || 0) + 1);
  return count;
}

async function sideElement(side, before) {
  const made = element("div", { class: "side" }, element("h3", {}, side.title));
  const old = new Map();
  for (const section of before ? before.sections : []) {
    const lines = (await recordsOf(section)).map((record) => record.join(" "));
    old.set(`${section.name}(${section.fields})`, countOf(lines));
  }
  for (const section of side.sections) {
    const records = await recordsOf(section);
    const seen = old.get(`${section.name}(${section.fields})`) || new Map();
    const head = element(
      "tr",
      {},
      element("th", {}),
      ...section.fields.map((field) => element("th", { scope: "col" }, field)),
    );
    const rows = records.slice(0, MOST_RECORDS).map((record) => {
      const line = record.join(" ");
      const isOld = (seen.get(line) || 0) > 0;
      if (isOld) seen.set(line, seen.get(line) - 1);
      const mark = before && !isOld ? "+" : "";
      return element(
        "tr",
        mark ? { class: "new" } : {},
        element("td", {}, mark),
        ...record.map((word) => element("td", {}, word)),
      );
    });
    const gone = Array.from(seen.values()).reduce((sum, count) => sum + count, 0);
    old.delete(`${section.name}(${section.fields})`);
    const counted = `${section.name}: ${records.length} record${records.length === 1 ? "" : "s"}`;
    const said =
      counted +
      (gone ? `, ${gone} gone` : "") +
      (records.length > MOST_RECORDS ? `, the first ${MOST_RECORDS} shown` : "");
    made.append(element("p", { class: "channel" }, said));
    if (records.length)
      made.append(
        element(
          "div",
          { class: "scroll", tabindex: 0 },
          element("table", {}, element("thead", {}, head), element("tbody", {}, ...rows)),
        ),
      );
  }
  for (const [name, count] of old) {
    const gone = Array.from(count.values()).reduce((sum, each) => sum + each, 0);
    if (gone) made.append(element("p", { class: "channel" }, `${name}: ${gone} gone`));
  }
  return made;
}

function memoryPanel() {
  const title = element("h2", {});
  const body = element("div", { class: "sides" });
  const panel = element("section", { id: "memory" }, title, body);
  let asked = 0;
  return [
    panel,
    async () => {
      const mine = ++asked;
      await new Promise((resolve) => setTimeout(resolve));
      if (mine !== asked) return;
      const before = state.step ? data.sides[state.step - 1] : [];
      const sides = await Promise.all(
        data.sides[state.step].map((side) =>
          sideElement(
            side,
            before.find((each) => each.title === side.title),
          ),
        ),
      );
      if (mine !== asked) return;
      title.textContent =
        `${capital(data.item)} ${state.item}` +
        (state.step ? ` (+ new since the ${data.step} before)` : "");
      body.replaceChildren(...sides);
    },
  ];
}

// --- the page ---

const panels = [];

function show() {
  slider.value = state.step;
  chosen.value = state.item;
  where.textContent = `${data.steps[state.step]} (${state.step} of ${lastStep})`;
  document.documentElement.dataset.step = state.step;
  return Promise.all(panels.map(([, update]) => update()));
}

async function start() {
  if (data.headings.length) panels.push(numbersPanel());
  if (data.grids.length) panels.push(gridPanel(data.grids));
  if (data.matrices.length) panels.push(matrixPanel());
  if (data.sides.length) panels.push(memoryPanel());
  const hint =
    `Keys: left and right for ${data.step}s, up and down for ${data.item}s, Home, End; ` +
    "or tap a picture.";
  document
    .getElementById("stepper")
    .append(
      controls,
      chooser,
      element("p", { class: "hint" }, hint),
      ...panels.map(([panel]) => panel),
    );
  document.getElementById("text").open = false;
  await show();
  window.addEventListener("resize", show);
  document.documentElement.dataset.drawn = Math.round(performance.now());
}

start();
