// FrameScrubber: a video frame by frame, and what two models say of it. No Python once shown.

function render({ model, el }) {
  const spec = model.get("_spec");
  const videos = model.get("_data").videos;
  const frame = buildFrame(model, el);
  const number = videos[0].frames.length;
  const choose = CONTROLS.select({ label: "Video", options: videos.map(({ name }) => name) }, draw);
  const order = CONTROLS.select({ label: "Order of the frames", options: Object.keys(spec.orders) }, draw);
  const moment = buildSlider({ label: "Frame", low: 1, high: number, step: 1 }, draw);
  moment.set(Math.ceil(number / 2));
  const play = h("button", { type: "button", onclick: run }, "Play");
  frame.controls.append(choose.node, order.node, moment.node, h("div", { class: "course-control" }, play));

  const canvas = pictureCanvas(null, "", 200);
  const tables = ["This frame alone", "All frames"].map((title) => {
    const bars = spec.classes.map((name) => {
      const fill = h("div"), number = h("span", { class: "course-number" }), label = h("span", {}, name);
      return { name, fill, number, label, bar: h("div", { class: "course-bar" }, fill) };
    });
    const node = h("div", { class: "course-grow" }, h("p", { class: "course-label" }, title),
      h("div", { class: "course-bars" }, ...bars.flatMap(({ label, bar, number }) => [label, bar, number])));
    return { node, bars };
  });
  frame.stage.append(h("div", { class: "course-row" }, canvas, ...tables.map(({ node }) => node)));

  function draw() {
    const video = videos.find(({ name }) => name === choose.get());
    // an order may name a frame several times; "the frame shown" stands for whichever the slider is at
    const places = spec.orders[order.get()];
    const at = moment.get() - 1;
    const place = places ? places[at] : at;
    paintPicture(canvas, video.frames[place]);
    fit(canvas, 200);
    canvas.setAttribute("aria-label", `frame ${moment.get()} of ${number} of a video in which something ${video.answer}`);
    const shares = [video.alone[place], places ? video.ordered[order.get()] : video.repeated[place]];
    tables.forEach(({ bars }, i) => bars.forEach(({ name, fill, number, label, bar }, k) => {
      fill.style.width = `${100 * shares[i][k]}%`;
      number.textContent = shares[i][k].toFixed(2);
      label.textContent = name === video.answer ? `${name} ✓` : name;
      bar.classList.toggle("course-true", name === video.answer);
    }));
    const [alone, all] = shares.map((share) => spec.classes[share.indexOf(Math.max(...share))]);
    frame.say(`What it does: ${video.answer}. From this frame alone: ${alone}. From all frames, in this order: ${all}.`);
    frame.drawn();
  }

  let timer = null;
  function run() {
    clearInterval(timer);
    let at = 0;
    timer = setInterval(() => {
      at += 1;
      moment.set(1 + ((at - 1) % number));
      draw();
      if (at >= 2 * number) clearInterval(timer);
    }, 150);
  }

  draw();
  return () => clearInterval(timer);
}

export default { render };
