// OneSequence: walk along words and squares of a picture, and see what each stage takes to come next. No Python once shown.

const SQUARE = 34; // CSS pixels along a square of the picture

function render({ model, el }) {
  const spec = model.get("_spec");
  const frame = buildFrame(model, el);
  const { tokens, learnt, guesses, side } = spec;
  const stages = Object.keys(guesses);
  let chosen = spec.start;

  const stage = CONTROLS.choice({ label: "Trained so far", options: stages }, draw);
  stage.set(stages[0]);
  frame.controls.append(stage.node);

  const whole = document.createElement("canvas");
  paintPicture(whole, spec.picture);
  const wide = spec.picture.width / side, tall = spec.picture.height / side;
  let square = -1;
  const hintId = uniqueId();
  // one stop of the Tab key; the arrows walk inside, as in a toolbar
  const cells = tokens.map((token, i) => {
    let inside = h("span", {}, token), label = null;
    if (token === "<image>") {
      square += 1;
      inside = h("canvas", { style: `width:${SQUARE}px;height:${SQUARE}px` });
      const context = sharpContext(inside, SQUARE, SQUARE);
      context.imageSmoothingEnabled = false;
      context.drawImage(whole, (square % side) * wide, Math.floor(square / side) * tall, wide, tall, 0, 0, SQUARE, SQUARE);
      label = `soft token ${square + 1}, a square of the picture`;
    } else if (learnt[i]) label = `${token}, learnt`;
    const button = h("button", {
      type: "button", style: "padding:0.2rem 0.3rem", "aria-label": label,
      onclick: () => choose(i), onfocus: () => choose(i), onpointerenter: () => choose(i),
    }, inside);
    return { button, name: token === "<image>" ? `soft token ${square + 1}` : `“${token}”` };
  });
  const line = h("div", {
    class: "course-words", role: "toolbar", "aria-label": "the sequence", "aria-describedby": hintId, style: "align-items:center;margin-bottom:0.5rem",
  }, ...cells.map(({ button }) => button));
  const most = Math.max(...stages.map((name) => Math.max(...guesses[name].map((row) => row.length))));
  const bars = Array.from({ length: most }, () => {
    const name = h("span"), fill = h("div"), number = h("span", { class: "course-number" });
    return { name, fill, number, nodes: [name, h("div", { class: "course-bar" }, fill), number] };
  });
  frame.stage.append(
    line,
    h("p", { class: "course-note", id: hintId, style: "margin:0 0 0.6rem" }, "Framed twice: what is learnt. Below: what the model takes to come next."),
    h("div", { class: "course-bars" }, ...bars.flatMap(({ nodes }) => nodes)),
  );

  function choose(i) {
    if (i !== chosen) { chosen = i; draw(); }
  }
  line.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    const n = tokens.length;
    const next = event.key === "Home" ? 0 : event.key === "End" ? n - 1 : step === undefined ? null : (chosen + step + n) % n;
    if (next === null) return;
    event.preventDefault();
    choose(next);
    cells[next].button.focus();
  });

  function draw() {
    cells.forEach(({ button }, i) => {
      const isChosen = i === chosen;
      button.style.boxShadow = learnt[i] ? "0 0 0 3px var(--accent)" : "none"; // the outline is for the focus
      button.style.borderStyle = isChosen ? "dashed" : "solid";
      button.style.borderColor = isChosen ? "var(--ink)" : "var(--line)";
      button.classList.toggle("course-looking", isChosen);
      button.setAttribute("aria-pressed", String(isChosen));
      button.tabIndex = isChosen ? 0 : -1;
    });
    const row = guesses[stage.get()][chosen];
    bars.forEach(({ name, fill, number }, i) => {
      const [word, share] = row[i] ?? ["", 0];
      name.textContent = word;
      fill.style.width = `${100 * share}%`;
      number.textContent = row[i] ? share.toFixed(2) : "";
    });
    const next = chosen + 1 < tokens.length ? `In truth comes ${cells[chosen + 1].name}, ${learnt[chosen + 1] ? "learnt" : "not learnt"}.` : "It is the last.";
    const said = row.map(([word, share]) => `${word} ${share.toFixed(2)}`).join(", ");
    frame.say(`Behind ${cells[chosen].name}, ${stage.get()}: ${said}. ${next}`);
    frame.drawn();
  }
  draw();
}

export default { render };
