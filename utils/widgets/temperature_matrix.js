// TemperatureMatrix: softmax and InfoNCE at the speed of the hand. No Python once shown.

/** The mean cross entropy of the diagonal, and the softmax of each row. */
function softmaxRows(logits) {
  let loss = 0;
  const shares = logits.map((row, i) => {
    const highest = Math.max(...row);
    const powers = row.map((value) => Math.exp(value - highest));
    const sum = powers.reduce((a, b) => a + b, 0);
    loss += Math.log(sum) + highest - row[i];
    return powers.map((power) => power / sum);
  });
  return { shares, loss: loss / logits.length };
}

function render({ model, el }) {
  const spec = model.get("_spec");
  const n = spec.rows.length;
  const frame = buildFrame(model, el);
  const matrix = spec.similarities.map((row) => [...row]);
  let chosen = [0, 0];

  const temperature = buildSlider({ label: "Temperature", low: spec.low, high: spec.high, log: true }, draw);
  temperature.set(spec.temperature);
  const similarity = buildSlider({ label: "Similarity of the selected cell", low: -1, high: 1, step: 0.01 }, () => {
    matrix[chosen[0]][chosen[1]] = similarity.get();
    draw();
  });
  const reset = h("button", { type: "button", onclick: () => {
    spec.similarities.forEach((row, i) => { matrix[i] = [...row]; });
    temperature.set(spec.temperature);
    draw();
  } }, "Reset");
  frame.controls.append(temperature.node, similarity.node, reset);

  const cells = matrix.map((row, i) => row.map((_, j) => h("td", { role: "gridcell", class: i === j ? "course-pair" : "", tabindex: -1 }, h("b"), h("small"))));
  const rowHead = (name, i) => h("th", { scope: "row", role: "rowheader" }, spec.pictures[i] ? pictureCanvas(spec.pictures[i], name, 38) : name);
  const hintId = uniqueId();
  const table = h("table", { class: "course-matrix", role: "grid", "aria-label": "softmax of each row, pictures by captions", "aria-describedby": hintId },
    h("thead", {}, h("tr", { role: "row" }, h("td", { role: "presentation", style: "cursor:default" }),
      ...spec.columns.map((name) => h("th", { scope: "col", role: "columnheader" }, name)))),
    h("tbody", {}, ...cells.map((row, i) => h("tr", { role: "row" }, rowHead(spec.rows[i], i), ...row))));
  const barsTitle = h("p", { class: "course-label" });
  const bars = spec.columns.map((name, j) => {
    const fill = h("div"), number = h("span", { class: "course-number" });
    return { fill, number, bar: h("div", { class: "course-bar" }, fill), name: h("span", {}, name), text: name, j };
  });
  frame.stage.append(
    h("div", { class: "course-scroll" }, table),
    h("p", { class: "course-note", id: hintId, style: "margin:0.35rem 0 0.75rem" },
      "Large print: share of the row (softmax). Small print: similarity. Dashed and ✓: the true pairs. Arrow keys select, + and − change the similarity."),
    barsTitle,
    h("div", { class: "course-bars" }, ...bars.flatMap(({ name, bar, number }) => [name, bar, number])),
  );
  // the loss is what the widget is about, so it stands above the matrix
  frame.stage.before(frame.text);
  frame.text.style.margin = "0 0 0.6rem";

  function draw() {
    const t = temperature.get();
    const logits = matrix.map((row) => row.map((value) => value / t));
    const byRow = softmaxRows(logits);
    const byColumn = softmaxRows(logits[0].map((_, j) => logits.map((row) => row[j])));
    const [row, column] = chosen;
    cells.forEach((line, i) => line.forEach((cell, j) => {
      const share = byRow.shares[i][j];
      const { colour, ink } = cividis(share);
      cell.style.backgroundColor = colour;
      cell.style.color = ink;
      cell.firstChild.textContent = share.toFixed(2);
      cell.lastChild.textContent = matrix[i][j].toFixed(2);
      const isChosen = i === row && j === column;
      cell.setAttribute("aria-selected", String(isChosen));
      cell.tabIndex = isChosen ? 0 : -1;
    }));
    similarity.set(matrix[row][column]);
    barsTitle.textContent = `What ${spec.rows[row]} chooses:`;
    bars.forEach(({ fill, number, bar, name, text, j }) => {
      name.textContent = j === row ? `${text} ✓` : text;
      fill.style.width = `${100 * byRow.shares[row][j]}%`;
      number.textContent = byRow.shares[row][j].toFixed(3);
      bar.classList.toggle("course-true", j === row);
    });
    const show = (value) => value.toFixed(3);
    frame.say(`Loss ${show((byRow.loss + byColumn.loss) / 2)}: pictures choose captions ${show(byRow.loss)}, captions choose pictures ${show(byColumn.loss)}.`);
    frame.drawn();
  }

  function change(by) {
    const [row, column] = chosen;
    matrix[row][column] = Math.min(1, Math.max(-1, Math.round((matrix[row][column] + by) * 100) / 100));
    draw();
  }
  const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
  table.addEventListener("keydown", (event) => {
    const clamp = (value) => Math.min(Math.max(value, 0), n - 1);
    if (STEPS[event.key]) {
      chosen = [clamp(chosen[0] + STEPS[event.key][0]), clamp(chosen[1] + STEPS[event.key][1])];
      draw();
      cells[chosen[0]][chosen[1]].focus();
    } else if (event.key === "+" || event.key === "=") change(0.05);
    else if (event.key === "-") change(-0.05);
    else return;
    event.preventDefault();
  });
  cells.forEach((line, i) => line.forEach((cell, j) => {
    let from = null;
    cell.addEventListener("pointerdown", (event) => {
      chosen = [i, j];
      from = { y: event.clientY, value: matrix[i][j] };
      cell.setPointerCapture(event.pointerId);
      draw();
    });
    cell.addEventListener("pointermove", (event) => {
      if (from === null) return;
      // 100 CSS pixels up are +1
      matrix[i][j] = Math.min(1, Math.max(-1, from.value + (from.y - event.clientY) / 100));
      draw();
    });
    for (const end of ["pointerup", "pointercancel"]) cell.addEventListener(end, () => { from = null; });
  }));
  draw();
}

export default { render };
