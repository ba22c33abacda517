// FamilyFront: accuracy against cost, and who is beaten by nobody. No Python once shown.

const WIDE = 560, TALL = 300, LEFT = 52, BOTTOM = 44, TOP = 14, RIGHT = 26, SIZE = 7;

/** Draw marker number `i` around (x, y): circle, square, diamond, triangle, cross, triangle on its tip. */
function drawMarker(context, i, x, y, size) {
  const shapes = {
    1: [[-1, -1], [1, -1], [1, 1], [-1, 1]],
    2: [[0, -1.35], [1.35, 0], [0, 1.35], [-1.35, 0]],
    3: [[0, -1.2], [1.15, 1], [-1.15, 1]],
    4: [[-0.4, -1.2], [0.4, -1.2], [0.4, -0.4], [1.2, -0.4], [1.2, 0.4], [0.4, 0.4], [0.4, 1.2], [-0.4, 1.2], [-0.4, 0.4], [-1.2, 0.4], [-1.2, -0.4], [-0.4, -0.4]],
    5: [[0, 1.2], [1.15, -1], [-1.15, -1]],
  };
  context.beginPath();
  if (i === 0) context.arc(x, y, size, 0, 2 * Math.PI);
  else for (const [a, b] of shapes[i]) context.lineTo(x + a * size, y + b * size);
  context.closePath();
}

function render({ model, el }) {
  const spec = model.get("_spec");
  const frame = buildFrame(model, el);
  const kinds = CONTROLS.select({ label: "Questions are about", options: spec.kinds }, draw);
  const searches = buildSlider({ label: "Share of searches", low: 0, high: 100, step: 1, unit: "%" }, draw);
  searches.set(spec.start.searches);

  // the gallery: powers of ten
  const id = uniqueId();
  const output = h("output", { for: id });
  const input = h("input", { id, type: "range", min: 0, max: spec.galleries.length - 1, step: 1, value: spec.galleries.indexOf(spec.start.gallery), oninput: draw });
  const size = () => spec.galleries[Number(input.value)];
  const gallery = h("div", { class: "course-control course-control-wide" }, h("div", {}, h("label", { for: id }, "Pictures in the gallery"), output), input);
  frame.controls.append(kinds.node, searches.node, gallery);

  const canvas = h("canvas", { role: "img", style: `width:${WIDE}px;max-width:100%` });
  const rows = spec.contenders.map(({ name }, i) => {
    const mark = h("canvas", { role: "img", "aria-label": `marker ${i + 1}`, style: "display:inline-block;width:20px;height:20px;vertical-align:middle" });
    return { mark, right: h("td"), cost: h("td"), place: h("td"), node: null, name };
  });
  for (const row of rows) row.node = h("tr", {}, h("th", { scope: "row", style: "white-space:nowrap" }, row.mark, ` ${row.name}`), row.right, row.cost, row.place);
  frame.stage.append(
    h("div", { class: "course-scroll" }, canvas),
    h("div", { class: "course-scroll" }, h("table", {}, h("caption", {}, "The same in numbers"),
      h("thead", {}, h("tr", {}, ...["model", "done rightly", "FLOPs for one request", "on the front"].map((name) => h("th", { scope: "col" }, name)))),
      h("tbody", {}, ...rows.map(({ node }) => node)))),
    h("p", { class: "course-note" }, "Filled: on the front. Hollow: another is no less right, costs no more, and is better in one of the two. Searches are as right as they were measured to be, in a gallery of one size."),
  );

  function points() {
    const kind = kinds.get(), share = searches.get() / 100;
    return spec.contenders.map(({ name, kinds: by, found, answer, search, each }) => {
      const values = Object.values(by);
      const right = kind === spec.kinds[0] ? values.reduce((a, b) => a + b, 0) / values.length : by[kind];
      return { name, right: share * found + (1 - share) * right, cost: share * (search + each * size()) + (1 - share) * answer };
    });
  }

  function draw() {
    output.textContent = size().toLocaleString("en");
    input.setAttribute("aria-valuetext", size().toLocaleString("en"));
    const all = points();
    const beats = (other, one) => other.right >= one.right && other.cost <= one.cost && (other.right > one.right || other.cost < one.cost);
    const kept = all.map((one) => !all.some((other) => beats(other, one)));
    const style = getComputedStyle(frame.root);
    const ink = style.getPropertyValue("--ink"), line = style.getPropertyValue("--line"), accent = style.getPropertyValue("--accent");

    const logs = all.map(({ cost }) => Math.log10(cost));
    const low = Math.floor(Math.min(...logs)), high = Math.max(low + 2, Math.ceil(Math.max(...logs) + 0.1));
    const x = (cost) => LEFT + ((Math.log10(cost) - low) / (high - low)) * (WIDE - LEFT - RIGHT);
    const y = (right) => TALL - BOTTOM - right * (TALL - BOTTOM - TOP);
    const context = sharpContext(canvas, WIDE, TALL);
    context.clearRect(0, 0, WIDE, TALL);
    context.font = "12px system-ui, sans-serif";
    context.lineWidth = 1;
    for (let power = low; power <= high; power += 1) {
      context.strokeStyle = line;
      context.beginPath(); context.moveTo(x(10 ** power), TOP); context.lineTo(x(10 ** power), TALL - BOTTOM); context.stroke();
      context.fillStyle = ink;
      context.textAlign = "center";
      if (high - low < 6 || (power - low) % 2 === 0) context.fillText(`10^${power}`, x(10 ** power), TALL - BOTTOM + 16);
    }
    context.fillText("FLOPs for one request", (LEFT + WIDE - RIGHT) / 2, TALL - 8);
    context.textAlign = "right";
    for (const right of [0, 0.25, 0.5, 0.75, 1]) {
      context.strokeStyle = line;
      context.beginPath(); context.moveTo(LEFT, y(right)); context.lineTo(WIDE - RIGHT, y(right)); context.stroke();
      context.fillText(right.toFixed(2), LEFT - 6, y(right) + 4);
    }
    context.save();
    context.translate(12, (TALL - BOTTOM + TOP) / 2); context.rotate(-Math.PI / 2); context.textAlign = "center";
    context.fillText("share done rightly", 0, 0);
    context.restore();

    // the front, from the cheapest to the most accurate
    const steps = all.filter((_, i) => kept[i]).sort((a, b) => a.cost - b.cost || a.right - b.right);
    context.strokeStyle = ink;
    context.setLineDash([4, 3]);
    context.beginPath();
    steps.forEach((one, i) => {
      if (i === 0) context.moveTo(x(one.cost), TALL - BOTTOM);
      else context.lineTo(x(one.cost), y(steps[i - 1].right));
      context.lineTo(x(one.cost), y(one.right));
    });
    context.lineTo(WIDE - RIGHT, y(steps.at(-1).right));
    context.stroke();
    context.setLineDash([]);

    all.forEach((one, i) => {
      context.lineWidth = 2;
      context.strokeStyle = accent;
      drawMarker(context, i, x(one.cost), y(one.right), SIZE);
      if (kept[i]) { context.fillStyle = accent; context.fill(); }
      context.stroke();
      const small = sharpContext(rows[i].mark, 20, 20);
      small.clearRect(0, 0, 20, 20);
      small.lineWidth = 2;
      small.strokeStyle = accent;
      drawMarker(small, i, 10, 10, SIZE - 1);
      if (kept[i]) { small.fillStyle = accent; small.fill(); }
      small.stroke();
      rows[i].right.textContent = one.right.toFixed(2);
      rows[i].cost.textContent = one.cost.toExponential(1).replace("e+", " × 10^");
      rows[i].place.textContent = kept[i] ? "yes" : "no";
    });

    canvas.setAttribute("aria-label", `points of accuracy against cost, on a logarithmic scale; on the front: ${steps.map(({ name }) => name).join(", ")}`);
    const beaten = all.filter((_, i) => !kept[i]).map(({ name }) => name);
    frame.say(
      `On the front, from the cheapest: ${steps.map(({ name }) => name).join(", ")}. ` +
      (beaten.length ? `Beaten: ${beaten.join(", ")}.` : "Nobody is beaten."),
    );
    frame.drawn();
  }
  draw();
  return onTheme(draw);
}

export default { render };
