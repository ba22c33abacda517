// WordAttention: words that light up by what the chosen one takes from them. No Python once shown.

function render({ model, el }) {
  const spec = model.get("_spec");
  const frame = buildFrame(model, el);
  const n = spec.words.length;
  const numbers = unpack(spec.numbers, Float32Array);
  let chosen = spec.chosen;

  const head = CONTROLS.select({ label: "Head", options: spec.names }, draw);
  frame.controls.append(head.node);
  const hintId = uniqueId();
  // one stop of the Tab key; the arrows walk inside, as in a toolbar
  const buttons = spec.words.map((word, i) => h(
    "button", { type: "button", onclick: () => choose(i), onfocus: () => choose(i), onpointerenter: () => choose(i) },
    h("span", {}, word), h("small", {}),
  ));
  const line = h("div", { class: "course-words", role: "toolbar", "aria-label": "words", "aria-describedby": hintId }, ...buttons);
  frame.stage.append(line, h("p", { class: "course-note", id: hintId }, "The numbers of all words sum to 1. Underlined: the word that looks."));

  function choose(i) {
    if (i !== chosen) { chosen = i; draw(); }
  }
  line.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    const next = event.key === "Home" ? 0 : event.key === "End" ? n - 1 : step === undefined ? null : (chosen + step + n) % n;
    if (next === null) return;
    event.preventDefault();
    choose(next);
    buttons[next].focus();
  });

  function draw() {
    const start = (spec.names.indexOf(head.get()) * n + chosen) * n;
    const row = [...numbers.subarray(start, start + n)];
    buttons.forEach((button, i) => {
      const { colour, ink } = cividis(row[i]);
      button.style.backgroundColor = colour;
      button.style.color = ink;
      button.lastChild.textContent = row[i].toFixed(2);
      button.classList.toggle("course-looking", i === chosen);
      button.setAttribute("aria-pressed", String(i === chosen));
      button.tabIndex = i === chosen ? 0 : -1;
    });
    const best = row.map((share, i) => [share, i]).sort((a, b) => b[0] - a[0]).slice(0, 3);
    frame.say(`${spec.words[chosen]} takes most from ${best.map(([share, i]) => `${spec.words[i]} (${share.toFixed(2)})`).join(", ")}.`);
    frame.drawn();
  }
  draw();
}

export default { render };
