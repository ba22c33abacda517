// LabelCurves: how many labels, which pictures those are, and what each way to begin makes of them. No Python once shown.

const WIDTH = 420, HEIGHT = 250;
const LEFT = 44, RIGHT = 20, TOP = 12, BOTTOM = 40;
const DASHES = [[], [7, 4], [2, 3]];
const MOSAIC = 260;

function render({ model, el }) {
  const spec = model.get("_spec");
  const { counts, tasks, colours, unit } = spec;
  const frame = buildFrame(model, el);
  const id = uniqueId();
  const output = h("output", { for: id });
  const input = h("input", { id, type: "range", min: 0, max: counts.length - 1, step: 1, oninput: draw });
  input.value = counts.indexOf(spec.labels);
  const task = CONTROLS.select({ label: "Task", options: tasks.map(({ name }) => name) }, draw);
  frame.controls.append(
    h("div", { class: "course-control course-control-wide" }, h("div", {}, h("label", { for: id }, unit[0].toUpperCase() + unit.slice(1)), output), input),
    task.node,
  );
  const chart = h("canvas", { role: "img", style: `width:${WIDTH}px` });
  const mosaic = h("canvas", { role: "img", class: "course-picture" });
  const under = h("p", { class: "course-note" });
  frame.stage.append(h("div", { class: "course-row" }, chart, h("div", { style: `max-width:${MOSAIC}px` }, mosaic, under)));

  const x = (count) => LEFT + ((WIDTH - LEFT - RIGHT) * Math.log(count / counts[0])) / Math.log(counts[counts.length - 1] / counts[0]);
  const y = (share) => HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share;

  function drawMarker(context, i, px, py) {
    context.beginPath();
    if (i === 0) context.arc(px, py, 4, 0, 2 * Math.PI);
    else if (i === 1) context.rect(px - 3.5, py - 3.5, 7, 7);
    else { context.moveTo(px, py - 4.5); context.lineTo(px + 4.5, py + 3.5); context.lineTo(px - 4.5, py + 3.5); context.closePath(); }
    context.fill();
  }

  function drawChart(shown, at) {
    const style = getComputedStyle(frame.root);
    const ink = style.getPropertyValue("--ink"), line = style.getPropertyValue("--line");
    const context = sharpContext(chart, WIDTH, HEIGHT);
    context.clearRect(0, 0, WIDTH, HEIGHT);
    context.font = "12px system-ui, sans-serif";
    context.strokeStyle = line;
    context.fillStyle = ink;
    context.lineWidth = 1;
    for (const share of [0, 0.25, 0.5, 0.75, 1]) {
      context.globalAlpha = 0.35;
      context.beginPath(); context.moveTo(LEFT, y(share)); context.lineTo(WIDTH - RIGHT, y(share)); context.stroke();
      context.globalAlpha = 1;
      context.textAlign = "right";
      context.fillText(share.toFixed(2), LEFT - 6, y(share) + 4);
    }
    context.textAlign = "center";
    for (const count of counts) context.fillText(String(count), x(count), HEIGHT - BOTTOM + 16);
    context.fillText(unit, (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6);
    context.setLineDash([1, 3]);
    context.beginPath(); context.moveTo(LEFT, y(shown.chance)); context.lineTo(WIDTH - RIGHT, y(shown.chance)); context.stroke();
    context.setLineDash([]);
    context.textAlign = "left";
    context.fillText("chance", LEFT + 4, y(shown.chance) - 4);
    context.lineWidth = 2;
    context.beginPath(); context.moveTo(x(counts[at]), TOP); context.lineTo(x(counts[at]), HEIGHT - BOTTOM); context.stroke();
    shown.curves.forEach(({ points }, i) => {
      context.fillStyle = context.strokeStyle = colours[i];
      context.globalAlpha = 0.18;
      context.beginPath();
      points.forEach(([, low], k) => context.lineTo(x(counts[k]), y(low)));
      [...points.keys()].reverse().forEach((k) => context.lineTo(x(counts[k]), y(points[k][2])));
      context.fill();
      context.globalAlpha = 1;
      context.setLineDash(DASHES[i]);
      context.beginPath();
      points.forEach(([mean], k) => context.lineTo(x(counts[k]), y(mean)));
      context.stroke();
      context.setLineDash([]);
      points.forEach(([mean], k) => drawMarker(context, i, x(counts[k]), y(mean)));
    });
  }

  function drawMosaic(shown, count) {
    const many = Math.min(count, shown.pictures.length);
    const columns = Math.ceil(Math.sqrt(many));
    const { height, width } = shown.pictures[0];
    mosaic.width = columns * width;
    mosaic.height = Math.ceil(many / columns) * height;
    const context = mosaic.getContext("2d");
    const one = h("canvas");
    shown.pictures.slice(0, many).forEach((picture, i) => {
      paintPicture(one, picture);
      context.drawImage(one, (i % columns) * width, Math.floor(i / columns) * height);
    });
    mosaic.style.width = `${MOSAIC}px`;
    mosaic.style.height = `${(MOSAIC * mosaic.height) / mosaic.width}px`;
    mosaic.setAttribute("aria-label", `${many} labelled pictures, first ${shown.names.slice(0, 8).join(", ")}`);
    under.textContent = many < count ? `The first ${many} of ${count} labelled pictures` : `All ${count} labelled pictures`;
  }

  function draw() {
    const at = Number(input.value), count = counts[at];
    const shown = tasks.find(({ name }) => name === task.get());
    output.textContent = String(count);
    input.setAttribute("aria-valuetext", `${count} ${unit}`);
    drawChart(shown, at);
    drawMosaic(shown, count);
    const results = shown.curves.map(({ name, points }, i) => `${"●■▲"[i]} ${name} ${points[at][0].toFixed(2)} [${points[at][1].toFixed(2)}, ${points[at][2].toFixed(2)}]`);
    chart.setAttribute("aria-label", `accuracy by number of ${unit} on ${shown.name}, a line for each of ${shown.curves.map(({ name }) => name).join(", ")}`);
    frame.say(`${shown.name}, ${count} ${unit}: ${results.join(", ")}.`);
    frame.drawn();
  }
  task.set(tasks[0].name);
  draw();
  return onTheme(draw);
}

export default { render };
