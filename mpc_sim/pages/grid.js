// Numbers in rows and columns, drawn on a canvas: the part that pages and notebook widgets share.

// Cividis, light to dark in equal steps of lightness: that alone orders it, and no reader needs to
// tell hues apart.
const SCALE = ["#efdc50", "#c0b26c", "#8f8a77", "#60656f", "#2e4169", "#00204d"];
const BLANK = "#ffffff";
const MARGIN = { left: 40, top: 18, right: 3, bottom: 3 };
const LARGEST_CELL = 30;
const MOST_HEIGHT = 440;
const FEW_ROWS = 16;

// Return the bytes that were deflated and written in base64.
async function inflate(base64) {
  const packed = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// Return the words of a packed array: numbers, or BigInts where a double could not hold them.
async function unpack(packed) {
  const planes = await inflate(packed.data);
  const size = packed.size;
  if (packed.bytes > 6) {
    return Array.from({ length: size }, (_, i) => {
      let word = 0n;
      for (let k = packed.bytes - 1; k >= 0; k--) word = word * 256n + BigInt(planes[k * size + i]);
      return word;
    });
  }
  const words = new Float64Array(size);
  for (let k = packed.bytes - 1; k >= 0; k--)
    for (let i = 0; i < size; i++) words[i] = words[i] * 256 + planes[k * size + i];
  return words;
}

// A dense grid: `values` holds rows * columns numbers, row after row.
async function gridOf(json) {
  const words = await unpack(json.values);
  const values = words instanceof Float64Array ? words : Float64Array.from(words, Number);
  return {
    ...json,
    unit: json.unit || 1,
    at: (row, column) => values[row * json.columns + column],
  };
}

// A square grid of `size` from the pairs that hold something; of many items only those up to the
// last that occurs are drawn.
async function matrixOf(json, size) {
  const [row, column, value] = await Promise.all([json.row, json.column, json.value].map(unpack));
  const values = new Map();
  for (let i = 0; i < row.length; i++) values.set(row[i] * size + column[i], Number(value[i]));
  const entries = Array.from(row, (_, i) => ({
    row: row[i],
    column: column[i],
    value: Number(value[i]),
  }));
  const at = (one, other) => values.get(one * size + other) || 0;
  const last = entries.reduce((most, entry) => Math.max(most, entry.row, entry.column), 0);
  const drawn = size > FEW_ROWS ? Math.min(size, Math.max(FEW_ROWS, last + 1)) : size;
  return { ...json, square: true, rows: drawn, columns: drawn, at, entries };
}

function colourOf(share) {
  const place = Math.min(1, Math.max(0, share)) * (SCALE.length - 1);
  const low = Math.min(SCALE.length - 2, Math.floor(place));
  const parts = [1, 3, 5].map((at) => {
    const [one, other] = [SCALE[low], SCALE[low + 1]].map((hex) =>
      parseInt(hex.slice(at, at + 2), 16),
    );
    return Math.round(one + (other - one) * (place - low));
  });
  return `rgb(${parts.join(",")})`;
}

// The colours of all shares from 0 to 1, made once.
const SHADES = Array.from({ length: 257 }, (_, i) => colourOf(i / 256));

function shadeOf(share) {
  return SHADES[Math.round(256 * Math.min(1, share))];
}

function written(value, unit) {
  return unit === 1
    ? String(value)
    : (value / unit).toFixed(3).replace(/0+$/, "").replace(/[.]$/, "");
}

// How many rows and columns share a cell on a canvas of this width, and how large a cell is.
function layoutOf(grid, width) {
  const room = Math.max(40, width - MARGIN.left - MARGIN.right);
  const columnsShared = Math.ceil(grid.columns / room);
  const nColumns = Math.ceil(grid.columns / columnsShared);
  const most = grid.square ? Math.min(MOST_HEIGHT, room) : MOST_HEIGHT;
  const rowsShared = grid.square ? columnsShared : Math.ceil(grid.rows / most);
  const nRows = Math.ceil(grid.rows / rowsShared);
  const cellWidth = Math.max(1, Math.min(LARGEST_CELL, Math.floor(room / nColumns)));
  const cellHeight = grid.square ? cellWidth : Math.max(1, Math.min(22, Math.floor(most / nRows)));
  return { columnsShared, nColumns, rowsShared, nRows, cellWidth, cellHeight };
}

// The largest number in every cell, row after row.
function cellsOf(grid, layout) {
  const cells = new Float64Array(layout.nRows * layout.nColumns);
  const add = (row, column, value) => {
    const down = Math.floor(row / layout.rowsShared);
    const cell = down * layout.nColumns + Math.floor(column / layout.columnsShared);
    if (value > cells[cell]) cells[cell] = value;
  };
  if (grid.entries) {
    for (const { row, column, value } of grid.entries) add(row, column, value);
  } else {
    for (let row = 0; row < grid.rows; row++)
      for (let column = 0; column < grid.columns; column++) add(row, column, grid.at(row, column));
  }
  return cells;
}

function drawCells(context, grid, layout) {
  const { nRows, nColumns, cellWidth, cellHeight } = layout;
  const cells = cellsOf(grid, layout);
  const gap = cellWidth > 5 && cellHeight > 5 ? 1 : 0;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.font = "11px sans-serif";
  for (let row = 0; row < nRows; row++) {
    for (let column = 0; column < nColumns; column++) {
      const value = cells[row * nColumns + column];
      if (!value) continue;
      const x = MARGIN.left + column * cellWidth;
      const y = MARGIN.top + row * cellHeight;
      const share = grid.limit ? value / grid.limit : 1;
      context.fillStyle = shadeOf(share);
      context.fillRect(x, y, cellWidth - gap, cellHeight - gap);
      if (share > 1) hatch(context, x, y, cellWidth - gap, cellHeight - gap);
      if (cellHeight < 13 || cellWidth < 10) continue;
      const text = written(value, grid.unit || 1);
      if (cellWidth >= 6.5 * text.length + 4) {
        context.fillStyle = share > 0.5 ? "#ffffff" : "#000000";
        context.fillText(text, x + (cellWidth - gap) / 2, y + (cellHeight - gap) / 2 + 0.5);
      }
    }
  }
}

// Mark what is beyond the limit by a pattern.
function hatch(context, x, y, width, height) {
  context.save();
  context.beginPath();
  context.rect(x, y, width, height);
  context.clip();
  context.strokeStyle = "#ffffff";
  context.lineWidth = 1;
  for (let at = x - height; at < x + width; at += 4) {
    context.beginPath();
    context.moveTo(at, y + height);
    context.lineTo(at + height, y);
    context.stroke();
  }
  context.restore();
}

function drawAxes(context, grid, layout) {
  const { nRows, nColumns, cellWidth, cellHeight, rowsShared, columnsShared } = layout;
  context.fillStyle = "#333333";
  context.font = "11px sans-serif";
  context.textBaseline = "middle";
  context.textAlign = "right";
  const everyRow = Math.ceil(14 / cellHeight);
  for (let row = 0; row < nRows; row += everyRow) {
    const name = grid.rowNames ? grid.rowNames[row * rowsShared] : row * rowsShared;
    context.fillText(name, MARGIN.left - 4, MARGIN.top + (row + 0.5) * cellHeight);
  }
  context.textAlign = "left";
  const digits = String(grid.columns - 1).length;
  const everyColumn = Math.ceil((8 * digits + 8) / cellWidth);
  for (let column = 0; column < nColumns; column += everyColumn) {
    const x = MARGIN.left + column * cellWidth;
    context.fillText(column * columnsShared, x, MARGIN.top / 2);
  }
  context.strokeStyle = "#999999";
  context.lineWidth = 1;
  context.strokeRect(
    MARGIN.left - 0.5,
    MARGIN.top - 0.5,
    nColumns * cellWidth + 1,
    nRows * cellHeight + 1,
  );
}

// Two lines around a box, in black and white so that one of them shows; thin boxes stay visible.
function outline(context, x, y, width, height) {
  if (height < 12) [y, height] = [y - 2, height + 4];
  if (width < 12) [x, width] = [x - 2, width + 4];
  for (const [colour, thickness] of [
    ["#ffffff", 4],
    ["#000000", 2],
  ]) {
    context.strokeStyle = colour;
    context.lineWidth = thickness;
    context.strokeRect(x, y, width, height);
  }
}

// Draw a grid as wide as its canvas is shown, with the row and column that are chosen (or null).
function drawGrid(canvas, grid, row, column) {
  const width = Math.floor(canvas.parentElement.clientWidth);
  if (!width) return;
  const layout = layoutOf(grid, width);
  const height = MARGIN.top + layout.nRows * layout.cellHeight + MARGIN.bottom;
  const ratio = window.devicePixelRatio || 1;
  const drawn = grid.drawn;
  if (!drawn || drawn.asked !== width || drawn.ratio !== ratio) {
    const picture = document.createElement("canvas");
    picture.width = width * ratio;
    picture.height = height * ratio;
    const context = picture.getContext("2d");
    context.scale(ratio, ratio);
    context.fillStyle = BLANK;
    context.fillRect(0, 0, width, height);
    drawCells(context, grid, layout);
    drawAxes(context, grid, layout);
    grid.drawn = { picture, asked: width, ratio };
  }
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const context = canvas.getContext("2d");
  context.drawImage(grid.drawn.picture, 0, 0);
  context.scale(ratio, ratio);
  if (row !== null && row < grid.rows) {
    const y = MARGIN.top + Math.floor(row / layout.rowsShared) * layout.cellHeight;
    outline(context, MARGIN.left - 1, y, layout.nColumns * layout.cellWidth + 2, layout.cellHeight);
  }
  if (column !== null && column < grid.columns) {
    const x = MARGIN.left + Math.floor(column / layout.columnsShared) * layout.cellWidth;
    outline(context, x, MARGIN.top - 1, layout.cellWidth, layout.nRows * layout.cellHeight + 2);
  }
}

// The row and column that were hit; of those that share a cell, the one with the most.
function hitGrid(canvas, grid, event) {
  const box = canvas.getBoundingClientRect();
  const layout = layoutOf(grid, Math.floor(canvas.parentElement.clientWidth));
  const across = Math.floor((event.clientX - box.left - MARGIN.left) / layout.cellWidth);
  const down = Math.floor((event.clientY - box.top - MARGIN.top) / layout.cellHeight);
  if (across < 0 || down < 0 || across >= layout.nColumns || down >= layout.nRows) return null;
  let best = { row: down * layout.rowsShared, column: across * layout.columnsShared, value: -1 };
  for (let i = 0; i < layout.rowsShared; i++) {
    for (let j = 0; j < layout.columnsShared; j++) {
      const [row, column] = [down * layout.rowsShared + i, across * layout.columnsShared + j];
      if (row >= grid.rows || column >= grid.columns) continue;
      const value = grid.at(row, column);
      if (value > best.value) best = { row, column, value };
    }
  }
  return best;
}

function sharing(grid, canvas) {
  const { columnsShared, rowsShared } = layoutOf(
    grid,
    Math.floor(canvas.parentElement.clientWidth),
  );
  if (columnsShared * rowsShared === 1) return "";
  return `; a cell shows the most of ${columnsShared * rowsShared}`;
}

// A legend: blank for 0, steps of the scale with their numbers, hatched beyond the limit.
function legendOf(grid) {
  const legend = document.createElement("p");
  legend.className = "legend";
  const swatch = (colour, text) => {
    const box = document.createElement("span");
    box.className = "swatch";
    box.style.background = colour;
    const pair = document.createElement("span");
    pair.className = "pair";
    pair.append(box, text);
    legend.append(pair);
  };
  swatch(BLANK, "0");
  const steps = grid.limit < 4 && (grid.unit || 1) === 1 ? grid.limit : 4;
  for (let i = 1; i <= steps; i++) {
    const value = Math.round((grid.limit * i) / steps);
    swatch(colourOf(i / steps), written(value, grid.unit || 1));
  }
  const stripes = `repeating-linear-gradient(135deg, #fff 0 1px, ${SCALE[SCALE.length - 1]} 1px 4px)`;
  swatch(stripes, "more");
  return legend;
}
