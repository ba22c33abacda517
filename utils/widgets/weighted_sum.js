// WeightedSum: two choices, a weight, and the pictures nearest to the sum. No Python once shown.

const SIZE = 84;

function render({ model, el }) {
  const spec = model.get("_spec"), data = model.get("_data");
  const frame = buildFrame(model, el);
  const n = spec.labels.length;
  const vectors = unpack(data.vectors, Float32Array), width = vectors.length / n;
  const sides = data.sides.map((side) => unpack(side, Float32Array));

  const selects = spec.sides.map((choices, side) => {
    const id = uniqueId();
    const select = h("select", { id, style: "max-width:20rem", onchange: show }, ...choices.map((choice, i) => h("option", { value: i }, choice)));
    frame.controls.append(h("div", { class: "course-control" }, h("label", { for: id }, spec.names[side]), select));
    return select;
  });
  const slider = buildSlider({ label: `Weight of ${spec.names[1].toLowerCase()}`, low: 0, high: 1, step: 0.01 }, show);
  slider.set(spec.weight);
  frame.controls.append(slider.node);
  const strip = h("ol", { class: "course-row", style: "list-style:none;margin:0;padding:0", "aria-label": "nearest pictures" });
  frame.stage.append(strip);

  function show() {
    const weight = slider.get();
    const [a, b] = sides.map((side, i) => side.subarray(Number(selects[i].value) * width, (Number(selects[i].value) + 1) * width));
    const sum = Float32Array.from(a, (value, k) => (1 - weight) * value + weight * b[k]);
    const length = Math.hypot(...sum) || 1;
    const scores = Array.from({ length: n }, (_, i) => {
      let score = 0;
      for (let k = 0; k < width; k += 1) score += vectors[i * width + k] * sum[k];
      return [i, score / length];
    });
    const best = scores.sort((one, other) => other[1] - one[1]).slice(0, spec.shown);
    strip.replaceChildren(...best.map(([i, score]) => h(
      "li", { style: `width:${SIZE + 8}px;font-size:0.75rem;line-height:1.25` },
      pictureCanvas(data.pictures[i], spec.labels[i], SIZE), spec.labels[i], h("span", { class: "course-id" }, ` (${score.toFixed(2)})`),
    )));
    const [first, second] = selects.map((select, i) => spec.sides[i][Number(select.value)]);
    frame.say(`Nearest to ${(1 - weight).toFixed(2)} × ${first} + ${weight.toFixed(2)} × ${second}: ${spec.labels[best[0][0]]}.`);
    frame.drawn();
  }
  show();
}

export default { render };
