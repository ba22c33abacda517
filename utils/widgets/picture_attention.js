// PictureAttention: a picture under a veil that is thin where the chosen word looks. No Python once shown.

const SIDE = 320; // CSS pixels along the picture

function render({ model, el }) {
  const { looks } = model.get("_spec");
  const layers = looks[0].maps.length;
  const frame = buildFrame(model, el);
  let chosen = 0, word = 0, slider = null;

  const question = CONTROLS.select({ label: "Question", options: looks.map((look) => look.question) }, () => {
    chosen = looks.findIndex((look) => look.question === question.get());
    start();
  });
  const names = Array.from({ length: layers }, (_, i) => `layer ${i + 1}`);
  const layer = CONTROLS.select({ label: "Layer", options: names }, draw);
  layer.set(names[layers - 1]);
  const holder = h("div", { class: "course-control-wide" });
  if (looks.length > 1) frame.controls.append(question.node);
  if (layers > 1) frame.controls.append(layer.node);
  frame.controls.append(holder);

  const canvas = h("canvas", { role: "img", style: `width:${SIDE}px;border-radius:0.25rem` });
  const list = h("ul", { class: "course-tokens", "aria-label": "words of the question" });
  const answer = h("p", { class: "course-note" });
  frame.stage.append(h("div", { class: "course-row" }, canvas, h("div", { class: "course-grow" }, list, answer)));

  function choose(i) {
    word = i;
    slider.set(i + 1);
    draw();
  }

  function start() {
    const look = looks[chosen];
    word = look.words.length - 1;
    slider = buildSlider({ label: "Word", low: 1, high: look.words.length, step: 1 }, () => { word = slider.get() - 1; draw(); });
    slider.set(word + 1);
    holder.replaceChildren(slider.node);
    list.replaceChildren(...look.words.map((name, i) => h("li", {
      style: "cursor:pointer", onpointerenter: () => choose(i), onclick: () => choose(i),
    }, name)));
    answer.textContent = `The answer: ${look.answer}`;
    draw();
  }

  function draw() {
    const look = looks[chosen];
    const shares = look.maps[names.indexOf(layer.get())][word];
    const side = Math.round(Math.sqrt(shares.length));
    const most = Math.max(...shares), cell = SIDE / side;
    const small = document.createElement("canvas");
    paintPicture(small, look.picture);
    const context = sharpContext(canvas, SIDE, SIDE);
    context.imageSmoothingEnabled = false;
    context.drawImage(small, 0, 0, SIDE, SIDE);
    context.font = "600 13px system-ui, sans-serif";
    context.textBaseline = "top";
    shares.forEach((share, i) => {
      const x = (i % side) * cell, y = Math.floor(i / side) * cell;
      context.fillStyle = `rgba(12, 18, 32, ${0.82 * (1 - share / most)})`;
      context.fillRect(x, y, cell, cell);
      if (share < 0.05) return;
      const label = `${Math.round(100 * share)} %`;
      context.fillStyle = "#000000";
      context.fillRect(x + 3, y + 3, context.measureText(label).width + 8, 18);
      context.fillStyle = "#ffffff";
      context.fillText(label, x + 7, y + 6);
    });
    [...list.children].forEach((item, i) => {
      item.style.outline = i === word ? "3px solid var(--accent)" : "none";
      item.style.fontWeight = i === word ? "700" : "400";
    });
    const best = shares.indexOf(most);
    const where = `row ${Math.floor(best / side) + 1}, column ${(best % side) + 1}`;
    slider.input.setAttribute("aria-valuetext", look.words[word]);
    slider.node.querySelector("output").textContent = look.words[word];
    const said = `“${look.words[word]}” looks most at the patch in ${where}: ${Math.round(100 * most)} % of its attention in ${layer.get()}.`;
    canvas.setAttribute("aria-label", `the picture, darkened but for where ${said}`);
    frame.say(said);
    frame.drawn();
  }
  start();
}

export default { render };
