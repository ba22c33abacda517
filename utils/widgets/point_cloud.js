// PointCloud: clouds to be turned by hand, with some of their points marked. No Python once shown.

const SIDE = 380;

function render({ model, el }) {
  const spec = model.get("_spec");
  const clouds = model.get("_data").clouds.map((cloud) => ({
    ...cloud, points: unpack(cloud.points, Float32Array), marked: unpack(cloud.marked, Uint8Array),
  }));
  const frame = buildFrame(model, el);
  const choose = CONTROLS.select({ label: "Cloud", options: clouds.map(({ name }) => name) }, draw);
  const only = CONTROLS.toggle({ label: `only the ${spec.word} points` }, draw);
  const turn = buildSlider({ label: "Turn", low: -180, high: 180, step: 5, unit: "degrees" }, draw);
  const tip = buildSlider({ label: "Tip", low: -90, high: 90, step: 5, unit: "degrees" }, draw);
  turn.set(30);
  tip.set(-20);
  frame.controls.append(choose.node, turn.node, tip.node, only.node);

  const canvas = h("canvas", { role: "img", style: `width:100%;max-width:${SIDE}px;touch-action:none;cursor:grab` });
  const hintId = uniqueId();
  const box = h("div", {
    class: "course-map", style: `max-width:${SIDE}px`, tabindex: 0, role: "application", "aria-roledescription": "point cloud",
    "aria-label": "cloud to be turned with the arrow keys", "aria-describedby": hintId,
  }, canvas);
  const sample = (colour, round) => {
    const dot = h("canvas", { width: 14, height: 14, style: "display:inline-block;vertical-align:-2px;margin-right:0.35em", "aria-hidden": "true" });
    mark(dot.getContext("2d"), 7, 7, 5, colour, round);
    return dot;
  };
  frame.stage.append(box, h("div", { class: "course-key" },
    h("span", {}, sample("#d55e00", false), `${spec.word} points`), h("span", {}, sample("#56b4e9", true), "the others")),
  h("p", { class: "course-note", id: hintId }, "Drag the cloud to turn it, or put it in focus and use the arrow keys."));

  /** A dot for most, a diamond with a rim for the marked: not told by colour alone. */
  function mark(context, x, y, size, colour, round) {
    context.fillStyle = colour;
    context.beginPath();
    if (round) context.arc(x, y, 0.7 * size, 0, 2 * Math.PI);
    else {
      [[0, -1.3], [1.3, 0], [0, 1.3], [-1.3, 0]].forEach(([dx, dy], i) => context[i ? "lineTo" : "moveTo"](x + dx * size, y + dy * size));
      context.closePath();
    }
    context.fill();
    if (!round) { context.strokeStyle = "#1f2933"; context.lineWidth = 1; context.stroke(); }
  }

  function draw() {
    const { name, points, marked, note } = clouds.find((cloud) => cloud.name === choose.get());
    const context = sharpContext(canvas, SIDE, SIDE);
    context.fillStyle = getComputedStyle(frame.root).getPropertyValue("--paper");
    context.fillRect(0, 0, SIDE, SIDE);
    const [a, b] = [turn.get(), tip.get()].map((degrees) => (degrees * Math.PI) / 180);
    const seen = [...marked].map((isMarked, i) => {
      const [x, y, z] = points.subarray(3 * i, 3 * i + 3);
      // around the upright axis first, then towards the viewer
      const across = x * Math.cos(a) + z * Math.sin(a), away = z * Math.cos(a) - x * Math.sin(a);
      return { x: across, y: y * Math.cos(b) - away * Math.sin(b), z: y * Math.sin(b) + away * Math.cos(b), isMarked };
    }).filter(({ isMarked }) => isMarked || !only.get()).sort((p, q) => q.z - p.z);
    for (const { x, y, z, isMarked } of seen) {
      const near = 1 / (1 + 0.25 * z); // what is nearer is larger, and farther from the middle
      mark(context, SIDE / 2 + 0.4 * SIDE * x * near, SIDE / 2 + 0.4 * SIDE * y * near, (isMarked ? 5 : 4) * near, isMarked ? "#d55e00" : "#56b4e9", !isMarked);
    }
    const count = marked.reduce((sum, value) => sum + value, 0);
    canvas.setAttribute("aria-label", `${name}: ${seen.length} points shown, turned by ${turn.get()} and tipped by ${tip.get()} degrees`);
    frame.say(`${count} of ${marked.length} points are ${spec.word}.${note ? ` ${note}` : ""}`);
    frame.drawn();
  }

  const wrap = (degrees) => ((((degrees + 180) % 360) + 360) % 360) - 180;
  function move(across, down) {
    turn.set(wrap(turn.get() + across));
    tip.set(Math.min(90, Math.max(-90, tip.get() + down)));
    draw();
  }
  const STEPS = { ArrowLeft: [-10, 0], ArrowRight: [10, 0], ArrowUp: [0, -10], ArrowDown: [0, 10] };
  box.addEventListener("keydown", (event) => {
    if (!STEPS[event.key]) return;
    event.preventDefault();
    move(...STEPS[event.key]);
  });
  let from = null;
  canvas.addEventListener("pointerdown", (event) => { from = event; canvas.setPointerCapture(event.pointerId); });
  canvas.addEventListener("pointermove", (event) => {
    if (!from) return;
    move((event.clientX - from.clientX) / 2, (event.clientY - from.clientY) / 2);
    from = event;
  });
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => { from = null; });

  draw();
  return onTheme(draw);
}

export default { render };
