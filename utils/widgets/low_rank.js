// LowRank: B grows by columns and A by rows, and B A comes to look like the update. No Python once shown.

const SIDE = 112; // CSS pixels along each side of a square matrix
const GAP = 30;
const BARS = 110;

/** A range input over a few ranks: {node, get, set}, where the handle stands at one of `ranks`. */
function buildRankSlider(ranks, onInput) {
  const id = uniqueId();
  const output = h("output", { for: id });
  const input = h("input", { id, type: "range", min: 0, max: ranks.length - 1, step: 1, oninput: () => { announce(); onInput(); } });
  function announce() {
    output.textContent = String(ranks[Number(input.value)]);
    input.setAttribute("aria-valuetext", `rank ${ranks[Number(input.value)]}`);
  }
  const node = h("div", { class: "course-control course-control-wide" }, h("div", {}, h("label", { for: id }, "Rank"), output), input);
  return { node, get: () => Number(input.value), set: (i) => { input.value = i; announce(); } };
}

/** A matrix as an offscreen canvas, an entry a pixel; -limit is the darkest and limit the lightest. */
function matrixCanvas(numbers, rows, columns, limit, at = (i, j) => numbers[i * columns + j]) {
  const canvas = h("canvas", { width: Math.max(columns, 1), height: Math.max(rows, 1) });
  if (!rows || !columns) return canvas;
  const context = canvas.getContext("2d");
  const image = context.createImageData(columns, rows);
  for (let i = 0; i < rows; i += 1) {
    for (let j = 0; j < columns; j += 1) {
      const rgb = cividis(0.5 + at(i, j) / (2 * limit)).colour.match(/\d+/g);
      image.data.set([Number(rgb[0]), Number(rgb[1]), Number(rgb[2]), 255], 4 * (i * columns + j));
    }
  }
  context.putImageData(image, 0, 0);
  return canvas;
}

const largest = (numbers) => numbers.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-12);

function render({ model, el }) {
  const spec = model.get("_spec");
  const { outputs, inputs, values, ranks, scores } = spec;
  const frame = buildFrame(model, el);
  const [weight, update, b, a] = ["weight", "update", "b", "a"].map((name) => unpack(spec[name], Float32Array));
  const full = values.length;
  const limits = { weight: largest(weight), update: largest(update), factor: Math.max(largest(a), largest(b)) };
  const energy = values.reduce((sum, value) => sum + value * value, 0);
  const still = { weight: matrixCanvas(weight, outputs, inputs, limits.weight), update: matrixCanvas(update, outputs, inputs, limits.update) };

  const slider = buildRankSlider(ranks, draw);
  frame.controls.append(slider.node);
  const width = 5 * SIDE + 4 * GAP, height = SIDE + 44;
  const matrices = h("canvas", { role: "img", style: `width:${width}px` });
  const bars = h("canvas", { role: "img", style: `width:${width}px` });
  frame.stage.append(matrices, bars);

  function draw() {
    const rank = ranks[slider.get()];
    const style = getComputedStyle(frame.root);
    const ink = style.getPropertyValue("--ink"), line = style.getPropertyValue("--line"), accent = style.getPropertyValue("--accent");
    const product = new Float32Array(outputs * inputs);
    let kept = 0;
    for (let r = 0; r < rank; r += 1) {
      kept += values[r] ** 2;
      for (let i = 0; i < outputs; i += 1) {
        const left = b[i * full + r];
        for (let j = 0; j < inputs; j += 1) product[i * inputs + j] += left * a[r * inputs + j];
      }
    }
    const context = sharpContext(matrices, width, height);
    context.clearRect(0, 0, width, height);
    context.imageSmoothingEnabled = false;
    context.font = "13px system-ui, sans-serif";
    const share = (SIDE * rank) / full;
    const parts = [
      ["weight W", still.weight, SIDE, SIDE, ""],
      [`B ${outputs} x ${rank}`, matrixCanvas(b, outputs, rank, limits.factor, (i, j) => b[i * full + j]), share, SIDE, "·"],
      [`A ${rank} x ${inputs}`, matrixCanvas(a, rank, inputs, limits.factor), SIDE, share, "="],
      [`B A, rank ${rank}`, matrixCanvas(product, outputs, inputs, limits.update), SIDE, SIDE, "≈"],
      ["whole update", still.update, SIDE, SIDE, ""],
    ];
    let x = 0;
    parts.forEach(([name, canvas, w, tall, sign], i) => {
      context.fillStyle = ink;
      context.textAlign = "left";
      context.fillText(name, x, 14);
      if (w > 0 && tall > 0) context.drawImage(canvas, x, 24, Math.max(w, 1), Math.max(tall, 1));
      context.strokeStyle = line;
      context.strokeRect(x + 0.5, 24.5, SIDE - 1, SIDE - 1);
      x += SIDE;
      context.textAlign = "center";
      context.fillText(sign, x + GAP / 2, 24 + SIDE / 2);
      x += GAP;
    });
    const low = sharpContext(bars, width, BARS);
    low.clearRect(0, 0, width, BARS);
    low.font = "13px system-ui, sans-serif";
    const step = (width - 8) / full;
    values.forEach((value, i) => {
      const tall = Math.max(1, ((BARS - 26) * value) / values[0]);
      low.fillStyle = i < rank ? accent : line;
      low.fillRect(i * step, BARS - tall, Math.max(step - 1.5, 1), tall);
    });
    low.fillStyle = ink;
    low.fillText("singular values of the update; those that are kept in colour", 0, 13);
    const numbers = rank * (outputs + inputs);
    matrices.setAttribute("aria-label", `the weight, B with ${rank} columns, A with ${rank} rows, their product, and the whole update, as heat maps`);
    bars.setAttribute("aria-label", `${full} singular values in falling order, of which the first ${rank} are kept`);
    frame.say(
      `Rank ${rank}: B and A hold ${numbers.toLocaleString("en")} numbers, the weight ${(outputs * inputs).toLocaleString("en")}. ` +
      `They keep ${Math.round((100 * kept) / energy)} % of the update's squares. ${spec.score}: ${scores[slider.get()].toFixed(2)}, ` +
      `with the whole update ${scores[scores.length - 1].toFixed(2)}.`,
    );
    frame.drawn();
  }
  slider.set(ranks.indexOf(spec.rank));
  draw();
  return onTheme(draw);
}

export default { render };
