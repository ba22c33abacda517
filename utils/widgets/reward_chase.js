// RewardChase: walk along a way of training and read what the model writes there. No Python once shown.

const WIDTH = 400, PANEL = 132, LEFT = 48, RIGHT = 14, TOP = 22, BOTTOM = 22;
const PICTURE = 88;
const TICKS = [0, 1, 5, 20, 50, 100, 200, 500];

function render({ model, el }) {
  const spec = model.get("_spec");
  const { ways, labels, colours } = spec;
  const frame = buildFrame(model, el);
  const id = uniqueId();
  const output = h("output", { for: id });
  const input = h("input", { id, type: "range", min: 0, step: 1, value: 0, oninput: draw });
  const choice = CONTROLS.select({ label: "Way", options: ways.map(({ name }) => name) }, () => { input.value = 0; draw(); });
  frame.controls.append(
    choice.node,
    h("div", { class: "course-control course-control-wide" }, h("div", {}, h("label", { for: id }, "Distance from the reference"), output), input),
  );
  const tall = 2 * PANEL + 16;
  const chart = h("canvas", { role: "img", style: `width:${WIDTH}px;max-width:100%` });
  const lines = spec.pictures.map(() => h("p", { class: "course-note", style: "min-width:0" }));
  const rows = spec.pictures.map((picture, i) => h("div", { class: "course-row", style: "flex-wrap:nowrap" }, pictureCanvas(picture, `picture ${i + 1}`, PICTURE), lines[i]));
  frame.stage.append(h("div", { class: "course-row" }, chart, h("div", { class: "course-grow" }, ...rows)));

  const farthest = Math.sqrt(Math.max(...ways.flatMap(({ points }) => points.map(({ kl }) => kl)), 1e-6));
  const x = (kl) => LEFT + ((WIDTH - LEFT - RIGHT) * Math.sqrt(kl)) / farthest;
  const ranges = labels.map((_, k) => {
    const values = ways.flatMap(({ points }) => points.map((point) => point.values[k]));
    const low = Math.min(...values), high = Math.max(...values);
    return [low, high > low ? high : low + 1];
  });

  function drawPanel(context, k, shown, at, ink, line) {
    const top = k * PANEL + TOP, height = PANEL - TOP - BOTTOM;
    const [low, high] = ranges[k];
    const y = (value) => top + height * (1 - (value - low) / (high - low));
    context.fillStyle = ink;
    context.strokeStyle = line;
    context.lineWidth = 1;
    context.textAlign = "left";
    context.fillText(labels[k], LEFT, top - 8);
    context.textAlign = "right";
    for (const value of [low, high]) {
      context.beginPath(); context.moveTo(LEFT, y(value)); context.lineTo(WIDTH - RIGHT, y(value)); context.stroke();
      context.fillText(value.toFixed(2), LEFT - 6, y(value) + 4);
    }
    context.textAlign = "center";
    for (const kl of TICKS.filter((tick) => Math.sqrt(tick) <= farthest)) context.fillText(String(kl), x(kl), top + height + 16);
    for (const { name, points } of ways) {
      const isShown = name === shown.name;
      context.globalAlpha = isShown ? 1 : 0.35;
      context.strokeStyle = context.fillStyle = colours[k];
      context.lineWidth = isShown ? 2 : 1;
      context.setLineDash(k === 0 ? [] : [6, 4]);
      context.beginPath();
      points.forEach((point) => context.lineTo(x(point.kl), y(point.values[k])));
      context.stroke();
      context.setLineDash([]);
      context.globalAlpha = 1;
    }
    const point = shown.points[at];
    context.strokeStyle = context.fillStyle = ink;
    context.lineWidth = 1;
    context.beginPath(); context.moveTo(x(point.kl), top); context.lineTo(x(point.kl), top + height); context.stroke();
    context.beginPath();
    if (k === 0) context.arc(x(point.kl), y(point.values[k]), 5, 0, 2 * Math.PI);
    else context.rect(x(point.kl) - 4.5, y(point.values[k]) - 4.5, 9, 9);
    context.fill();
  }

  function draw() {
    const shown = ways.find(({ name }) => name === choice.get());
    input.max = shown.points.length - 1;
    const at = Math.min(Number(input.value), shown.points.length - 1), point = shown.points[at];
    const distance = `KL ${point.kl.toFixed(1)} nats`;
    output.textContent = distance;
    input.setAttribute("aria-valuetext", distance);
    const style = getComputedStyle(frame.root);
    const ink = style.getPropertyValue("--ink"), line = style.getPropertyValue("--line");
    const context = sharpContext(chart, WIDTH, tall);
    context.clearRect(0, 0, WIDTH, tall);
    context.font = "12px system-ui, sans-serif";
    labels.forEach((_, k) => drawPanel(context, k, shown, at, ink, line));
    context.textAlign = "center";
    context.fillStyle = ink;
    context.fillText("KL from the reference (nats, root scale)", (LEFT + WIDTH - RIGHT) / 2, tall - 4);
    chart.setAttribute("aria-label", `${labels[0]}, and below it ${labels[1]}, over the KL divergence from the reference; a mark stands at ${distance} of the way ${shown.name}`);
    point.captions.forEach((caption, i) => {
      const pieces = caption.flatMap(({ words, true: isTrue }, k) => [
        k ? " and " : "",
        isTrue ? words : h("span", {}, h("s", {}, words), " (not there)"),
      ]);
      lines[i].replaceChildren(...pieces);
    });
    const wrong = point.captions.reduce((sum, caption) => sum + caption.filter((piece) => !piece.true).length, 0);
    frame.say(
      `${shown.name}, ${distance}: ${labels[0]} ${point.values[0].toFixed(2)}, ${labels[1]} ${point.values[1].toFixed(2)}; ` +
      `${wrong} made up in the captions shown.`,
    );
    frame.drawn();
  }
  choice.set(ways[0].name);
  draw();
  return onTheme(draw);
}

export default { render };
