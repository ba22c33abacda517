// FlowPath: half-made pictures over time, and what each aims at. No Python once shown.

function render({ model, el }) {
  const { captions, guidances, steps } = model.get("_spec");
  const { paths } = model.get("_data");
  const frame = buildFrame(model, el);
  const time = buildSlider({ label: "Time", low: 0, high: steps, step: 1 }, draw);
  time.set(0);
  const caption = CONTROLS.select({ label: "Caption", options: captions }, draw);
  const guidance = CONTROLS.choice({ label: "Guidance", options: guidances }, draw);
  guidance.set(guidances[0]);
  frame.controls.append(caption.node, guidance.node, time.node);
  const canvases = ["where it is", "where a straight line from here ends"].map((name) => {
    const canvas = pictureCanvas(null, "", 192);
    frame.stage.append(h("div", { class: "course-figure" }, canvas, h("p", { class: "course-label" }, name)));
    return canvas;
  });
  frame.stage.classList.add("course-row");

  function draw() {
    const pair = paths[captions.indexOf(caption.get())][guidances.indexOf(guidance.get())];
    const step = time.get(), now = formatNumber(step / steps, 2);
    canvases.forEach((canvas, i) => {
      paintPicture(canvas, pair[i][step]);
      fit(canvas, 192);
      canvas.setAttribute("aria-label", `${i ? "what is aimed at" : "the half-made picture"} at time ${now} on the way to ${caption.get()}`);
    });
    frame.say(`time ${now}, step ${step} of ${steps}`);
    frame.drawn();
  }
  draw();
}

export default { render };
