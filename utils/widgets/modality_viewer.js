// ModalityViewer: a tab for each modality of one scene. No Python once shown.

const LENS = 7; // pixels along each side of the lens
const CELL = 52; // CSS pixels for each of them
const CHANNELS = ["red", "green", "blue"];

/** A picture as numbers: the whole on the left, the pixels under the lens on the right. */
function buildArray(panel, frame, lens) {
  const [channels, height, width] = panel.shape;
  const numbers = unpack(panel.numbers, Float32Array);
  const at = (c, y, x) => numbers[(c * height + y) * width + x];
  const share = (value) => (value - panel.low) / (panel.high - panel.low);
  const rgbAt = (y, x) => (channels === 3
    ? [0, 1, 2].map((c) => Math.round(255 * share(at(c, y, x))))
    : cividis(share(at(0, y, x))).colour.match(/\d+/g).map(Number));
  const words = (value) => {
    if (panel.whole) return String(value);
    return value === 0 || Math.abs(value) >= 1e-3 ? value.toPrecision(3) : formatNumber(value, 3);
  };

  const rgb = new Uint8Array(3 * height * width);
  for (let y = 0; y < height; y += 1) for (let x = 0; x < width; x += 1) rgb.set(rgbAt(y, x), 3 * (y * width + x));
  const whole = pictureCanvas({ height, width, rgb }, panel.alt, 224);
  const mark = h("div", { style: "position:absolute;border:2px solid #fff;outline:2px solid #000;pointer-events:none" });
  const overview = h("div", { style: "position:relative;flex:none;line-height:0" }, whole, mark);
  const columns = Math.min(LENS, width), rows = Math.min(LENS, height);
  const zoomed = h("canvas", { style: `width:${columns * CELL}px` });
  const grid = h("div", { class: "course-lens", tabindex: 0, role: "application", "aria-roledescription": "pixel grid" }, zoomed);
  const text = h("p", { class: "course-text", role: "status", "aria-live": "polite" });

  const clamp = (value, most) => Math.min(Math.max(value, 0), most);
  const firstOf = (center, count, all) => clamp(center - Math.floor(count / 2), all - count);

  // the panels share one lens, and one picture may be smaller than another
  const here = () => ({ y: clamp(lens.y, height - 1), x: clamp(lens.x, width - 1) });

  function draw() {
    const { y: lensY, x: lensX } = here();
    const top = firstOf(lensY, rows, height), left = firstOf(lensX, columns, width);
    const context = sharpContext(zoomed, columns * CELL, rows * CELL);
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.font = "11.5px system-ui, sans-serif";
    for (let row = 0; row < rows; row += 1) {
      for (let column = 0; column < columns; column += 1) {
        const y = top + row, x = left + column;
        const colour = rgbAt(y, x);
        context.fillStyle = `rgb(${colour.join(",")})`;
        context.fillRect(column * CELL, row * CELL, CELL, CELL);
        context.fillStyle = readableInk(colour);
        for (let c = 0; c < channels; c += 1) {
          context.fillText(words(at(c, y, x)), (column + 0.5) * CELL, (row + 0.5) * CELL + (c - (channels - 1) / 2) * 14 + 0.5);
        }
      }
    }
    const boxY = (lensY - top) * CELL, boxX = (lensX - left) * CELL;
    context.strokeStyle = "#000"; context.lineWidth = 3; context.strokeRect(boxX + 1.5, boxY + 1.5, CELL - 3, CELL - 3);
    context.strokeStyle = "#fff"; context.lineWidth = 1; context.strokeRect(boxX + 1.5, boxY + 1.5, CELL - 3, CELL - 3);
    const scaleY = whole.clientHeight / height || 224 / Math.max(height, width);
    const scaleX = whole.clientWidth / width || 224 / Math.max(height, width);
    Object.assign(mark.style, {
      top: `${top * scaleY + 1}px`, left: `${left * scaleX + 1}px`, height: `${rows * scaleY}px`, width: `${columns * scaleX}px`,
    });
    const values = Array.from({ length: channels }, (_, c) => (channels === 3 ? `${CHANNELS[c]} ` : "value ") + words(at(c, lensY, lensX)));
    const said = `row ${lensY}, column ${lensX}: ${values.join(", ")}`;
    text.textContent = said;
    grid.setAttribute("aria-label", `${panel.alt}, as numbers. ${said}. Arrow keys move the lens.`);
    frame.drawn();
  }

  function moveTo(y, x) { lens.y = clamp(y, height - 1); lens.x = clamp(x, width - 1); draw(); }
  const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
  grid.addEventListener("keydown", (event) => {
    const far = event.shiftKey ? LENS : 1;
    const { y, x } = here();
    if (STEPS[event.key]) moveTo(y + far * STEPS[event.key][0], x + far * STEPS[event.key][1]);
    else if (event.key === "Home") moveTo(0, 0);
    else if (event.key === "End") moveTo(height - 1, width - 1);
    else return;
    event.preventDefault();
  });
  function follow(event) {
    if (event.type === "pointermove" && event.buttons === 0) return;
    const box = whole.getBoundingClientRect();
    moveTo(
      Math.floor(((event.clientY - box.top) / box.height) * height),
      Math.floor(((event.clientX - box.left) / box.width) * width),
    );
  }
  whole.style.cursor = "crosshair";
  whole.style.touchAction = "none";
  whole.addEventListener("pointerdown", (event) => { whole.setPointerCapture(event.pointerId); follow(event); });
  whole.addEventListener("pointermove", follow);
  zoomed.addEventListener("pointerdown", (event) => {
    const box = zoomed.getBoundingClientRect();
    const top = firstOf(here().y, rows, height), left = firstOf(here().x, columns, width);
    moveTo(top + Math.floor(((event.clientY - box.top) / box.height) * rows), left + Math.floor(((event.clientX - box.left) / box.width) * columns));
  });
  return { node: h("div", {}, h("div", { class: "course-row" }, overview, grid), text), draw };
}

/** Any tensor as numbers: a lens over its last dimension and, row by row, all the others. */
function buildNumbers({ numbers: { shape, bytes, whole } }, frame) {
  const values = unpack(bytes, Float32Array);
  const columns = shape[shape.length - 1], rows = values.length / columns;
  const shownRows = Math.min(3, rows), shownColumns = Math.min(LENS, columns);
  // begin where there is something to see: at the number that differs most from the first
  let most = 0;
  values.forEach((value, i) => { if (Math.abs(value - values[0]) > Math.abs(values[most] - values[0])) most = i; });
  const place = { row: Math.floor(most / columns), column: most % columns };
  const words = (value) => (whole ? String(value) : formatNumber(value, 3));
  /** Where a row lies in the tensor: its index along each dimension but the last. */
  function indices(row) {
    const found = [];
    for (let i = shape.length - 2; i >= 0; i -= 1) { found.unshift(row % shape[i]); row = Math.floor(row / shape[i]); }
    return found;
  }
  const cells = [...Array(shownRows)].map(() => [...Array(shownColumns)].map(() => h("td", {})));
  const grid = h("div", { class: "course-numbers", tabindex: 0, role: "application", "aria-roledescription": "grid of numbers" },
    h("table", { role: "presentation" }, h("tbody", {}, ...cells.map((row) => h("tr", {}, ...row)))));
  const text = h("p", { class: "course-text", role: "status", "aria-live": "polite" });
  const clamp = (value, last) => Math.min(Math.max(value, 0), last);
  const first = (at, shown, all) => clamp(at - Math.floor(shown / 2), all - shown);

  function draw() {
    const top = first(place.row, shownRows, rows), left = first(place.column, shownColumns, columns);
    cells.forEach((line, i) => line.forEach((cell, j) => {
      cell.textContent = words(values[(top + i) * columns + left + j]);
      cell.classList.toggle("course-here", top + i === place.row && left + j === place.column);
    }));
    const said = `number [${[...indices(place.row), place.column].join(", ")}] is ${words(values[place.row * columns + place.column])}`;
    text.textContent = said;
    grid.setAttribute("aria-label", `the tensor's numbers; ${said}. Arrow keys move.`);
    frame.drawn();
  }
  const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
  grid.addEventListener("keydown", (event) => {
    const far = event.shiftKey ? 10 : 1;
    if (STEPS[event.key]) {
      place.row = clamp(place.row + far * STEPS[event.key][0], rows - 1);
      place.column = clamp(place.column + far * STEPS[event.key][1], columns - 1);
    } else if (event.key === "Home") Object.assign(place, { row: 0, column: 0 });
    else if (event.key === "End") Object.assign(place, { row: rows - 1, column: columns - 1 });
    else return;
    event.preventDefault();
    draw();
  });
  cells.forEach((line, i) => line.forEach((cell, j) => cell.addEventListener("pointerdown", () => {
    place.row = first(place.row, shownRows, rows) + i;
    place.column = first(place.column, shownColumns, columns) + j;
    draw();
  })));
  return { node: h("div", {}, h("p", { class: "course-label" }, "Its numbers"), grid, text), draw };
}

/** A video: play it, or go through it frame by frame. */
function buildVideo(panel, frame) {
  const { frames, height, width, rate } = panel;
  const bytes = unpack(panel.rgb, Uint8Array), size = 3 * height * width;
  const picture = (i) => ({ height, width, rgb: bytes.subarray(i * size, (i + 1) * size) });
  const canvas = pictureCanvas(picture(0), panel.alt, 224);
  const slider = buildSlider({ label: "Frame", low: 1, high: frames, step: 1 }, () => { stop(); draw(); });
  slider.set(1);
  let timer = null;
  const play = h("button", { type: "button", onclick: () => (timer === null ? start() : stop()) }, "Play");
  function draw() {
    paintPicture(canvas, picture(slider.get() - 1));
    frame.drawn();
  }
  function stop() { clearInterval(timer); timer = null; play.textContent = "Play"; }
  function start() {
    play.textContent = "Pause";
    timer = setInterval(() => {
      if (!canvas.isConnected || canvas.offsetParent === null) { stop(); return; }
      slider.set((slider.get() % frames) + 1);
      draw();
    }, 1000 / rate);
  }
  return { node: h("div", { class: "course-row" }, canvas, h("div", { class: "course-grow" }, play, slider.node)), draw };
}

/** A cloud of points, turned by two sliders or by dragging. */
function buildPoints(panel, frame) {
  const SIDE = 260;
  const values = unpack(panel.points, Float32Array), width = panel.shape[1];
  const canvas = h("canvas", { class: "course-picture", role: "img", "aria-label": panel.alt, style: `width:${SIDE}px;height:${SIDE}px;touch-action:none;cursor:grab` });
  const turn = buildSlider({ label: "Turn", low: -180, high: 180, step: 5, unit: "degrees" }, draw);
  const tilt = buildSlider({ label: "Tilt", low: -90, high: 90, step: 5, unit: "degrees" }, draw);
  turn.set(0);
  tilt.set(0);
  function draw() {
    const context = sharpContext(canvas, SIDE, SIDE);
    context.fillStyle = "#ffffff";
    context.fillRect(0, 0, SIDE, SIDE);
    const a = (turn.get() * Math.PI) / 180, b = (tilt.get() * Math.PI) / 180;
    const placed = [];
    for (let i = 0; i < values.length; i += width) {
      const [x, y, z] = values.subarray(i, i + 3);
      const x1 = x * Math.cos(a) + z * Math.sin(a), z1 = z * Math.cos(a) - x * Math.sin(a);
      placed.push([x1, y * Math.cos(b) - z1 * Math.sin(b), z1 * Math.cos(b) + y * Math.sin(b), i]);
    }
    placed.sort((one, other) => other[2] - one[2]); // the far ones first
    for (const [x, y, z, i] of placed) {
      const share = Math.min(1, Math.max(0, (1 - z) / 2)); // 1 is near
      context.fillStyle = width === 6
        ? `rgb(${[3, 4, 5].map((k) => Math.round(255 * values[i + k])).join(",")})` : `rgb(${[0, 114, 178].map((c) => Math.round(c + (1 - share) * 0.5 * (255 - c))).join(",")})`;
      context.beginPath();
      context.arc(SIDE * (0.5 + 0.33 * x), SIDE * (0.5 + 0.33 * y), 1.2 + 1.8 * share, 0, 2 * Math.PI);
      context.fill();
    }
    frame.drawn();
  }
  let from = null;
  const within = (value, most) => Math.min(Math.max(value, -most), most);
  canvas.addEventListener("pointerdown", (event) => { from = [event.clientX, event.clientY, turn.get(), tilt.get()]; canvas.setPointerCapture(event.pointerId); });
  canvas.addEventListener("pointermove", (event) => {
    if (from === null) return;
    turn.set(within(Math.round(from[2] + event.clientX - from[0]), 180));
    tilt.set(within(Math.round(from[3] + event.clientY - from[1]), 90));
    draw();
  });
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => { from = null; });
  return { node: h("div", { class: "course-row" }, canvas, h("div", { class: "course-grow" }, turn.node, tilt.node)), draw };
}

const still = (node) => ({ node, draw() {} });
const PANELS = {
  picture: (panel) => still(pictureCanvas(panel, panel.alt, 224)),
  sound: (panel) => { const player = soundPlayer(panel, panel.alt); return { node: player.node, draw: player.draw }; },
  video: buildVideo,
  points: buildPoints,
  text: (panel) => still(h("pre", { class: "course-read", lang: panel.lang || null }, panel.text)),
  array: buildArray,
  tokens: (panel) => still(h("ol", { class: "course-tokens" }, ...panel.tokens.map(
    ([token, number]) => h("li", {}, token, h("span", { class: "course-id" }, String(number)))))),
  table: (panel) => still(buildTable(panel, panel.alt, panel.columns[0] === "field")),
};

function render({ model, el }) {
  const frame = buildFrame(model, el);
  const lens = { y: 0, x: 0 };
  let open = 0;

  function build() {
    const panels = model.get("_panels");
    open = Math.min(open, panels.length - 1);
    const firstArray = panels.find((panel) => panel.kind === "array");
    if (firstArray && lens.y === 0 && lens.x === 0) {
      lens.y = Math.floor(firstArray.shape[1] / 2);
      lens.x = Math.floor(firstArray.shape[2] / 2);
    }
    const ids = panels.map(uniqueId);
    const parts = panels.map((panel) => {
      const view = PANELS[panel.kind](panel, frame, lens);
      if (panel.kind === "array" || !panel.numbers) return view; // an array is numbers itself
      const numbers = buildNumbers(panel, frame);
      return { node: h("div", {}, view.node, numbers.node), draw() { view.draw(); numbers.draw(); } };
    });
    const bodies = panels.map((panel, i) => h(
      "div", { id: ids[i], role: "tabpanel", "aria-labelledby": `${ids[i]}-tab`, tabindex: panel.kind === "array" ? null : 0 },
      parts[i].node, panel.note ? h("p", { class: "course-note" }, panel.note) : "",
    ));
    const tabs = panels.map((panel, i) => h("button", {
      id: `${ids[i]}-tab`, type: "button", role: "tab", "aria-controls": ids[i], onclick: () => choose(i), onkeydown: (event) => onKey(event, i),
    }, panel.title));

    function choose(i) {
      open = i;
      tabs.forEach((tab, j) => { tab.setAttribute("aria-selected", String(i === j)); tab.tabIndex = i === j ? 0 : -1; });
      bodies.forEach((body, j) => { body.hidden = i !== j; });
      parts[i].draw();
      frame.drawn();
    }
    function onKey(event, i) {
      const next = { ArrowRight: i + 1, ArrowLeft: i - 1 + tabs.length, Home: 0, End: tabs.length - 1 }[event.key];
      if (next === undefined) return;
      event.preventDefault();
      choose(next % tabs.length);
      tabs[open].focus();
    }
    frame.stage.replaceChildren(h("div", { role: "tablist", "aria-label": model.get("_spec").title }, ...tabs), ...bodies);
    choose(open);
  }

  model.on("change:_panels", build);
  build();
  return () => model.off("change:_panels", build);
}

export default { render };
