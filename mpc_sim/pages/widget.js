// A grid in a notebook: drawn by grid.js, chosen by mouse, touch or arrow keys.

function render({ model, el }) {
  const canvas = document.createElement("canvas");
  canvas.tabIndex = 0;
  canvas.setAttribute("role", "img");
  const frame = document.createElement("div");
  frame.append(canvas);
  const legend = document.createElement("div");
  el.classList.add("anna-mpc-grid");
  el.append(frame, legend);

  let grid = null;
  let shown = null;
  const chosen = (name) => (model.get(name) < 0 ? null : model.get(name));

  async function redraw() {
    const content = model.get("content");
    canvas.setAttribute("aria-label", model.get("label"));
    if (shown !== content) {
      const made = content.square ? await matrixOf(content, content.size) : await gridOf(content);
      if (model.get("content") !== content) return;
      grid = made;
      shown = content;
      legend.replaceChildren(legendOf(grid));
    }
    drawGrid(canvas, grid, chosen("row"), chosen("column"));
    el.dataset.row = model.get("row");
    el.dataset.column = model.get("column");
  }

  function hit(row, column) {
    if (row < 0 || column < 0 || row >= grid.rows || column >= grid.columns) return;
    model.set("hit", [row, column, model.get("hit")[2] + 1]);
    model.save_changes();
  }

  canvas.addEventListener("click", (event) => {
    const place = grid && hitGrid(canvas, grid, event);
    if (place) hit(place.row, place.column);
  });
  const MOVES = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
  canvas.addEventListener("keydown", (event) => {
    const move = MOVES[event.key];
    if (!grid || !move) return;
    event.preventDefault();
    event.stopPropagation();
    hit((chosen("row") || 0) + move[0], (chosen("column") || 0) + move[1]);
  });
  for (const name of ["content", "row", "column", "label"]) model.on(`change:${name}`, redraw);
  const watching = new ResizeObserver(redraw);
  watching.observe(frame);
  redraw();
  return () => watching.disconnect();
}

export default { render };
