// InterleavedText: walk along a text, see which picture a word looks at, and open the gates. No Python once shown.

const SIDE = 64; // CSS pixels along a picture

function render({ model, el }) {
  const spec = model.get("_spec");
  const frame = buildFrame(model, el);
  const { tokens, words, openings, patches } = spec;
  const looks = unpack(spec.looks, Float32Array);
  const shares = unpack(spec.shares, Float32Array);
  const grid = Math.round(Math.sqrt(patches));
  // the number of the picture that each token looks at, -1 before the first
  let latest = -1;
  const looksAt = tokens.map((token) => { if (token === "<image>") latest += 1; return latest; });
  let chosen = tokens.length - 1;

  const gates = buildSlider({ label: "Gates open to", low: 0, high: openings.length - 1, step: 1 }, draw);
  gates.set(0);
  frame.controls.append(gates.node);

  const hintId = uniqueId();
  // one stop of the Tab key; the arrows walk inside, as in a toolbar
  const cells = tokens.map((token, i) => {
    const isPicture = token === "<image>";
    const canvas = isPicture ? h("canvas", { style: `width:${SIDE}px;height:${SIDE}px` }) : null;
    const button = h("button", {
      type: "button", style: "padding:0.3rem", onclick: () => choose(i), onfocus: () => choose(i), onpointerenter: () => choose(i),
    }, isPicture ? canvas : h("span", {}, token));
    return { button, canvas, picture: isPicture ? looksAt[i] : null };
  });
  const line = h("div", {
    class: "course-words", role: "toolbar", "aria-label": "the text", "aria-describedby": hintId, style: "align-items:center;margin-bottom:0.5rem",
  }, ...cells.map(({ button }) => button));
  const bars = [...words, "another word"].map((name) => {
    const fill = h("div"), number = h("span", { class: "course-number" });
    return { fill, number, nodes: [h("span", {}, name), h("div", { class: "course-bar" }, fill), number] };
  });
  frame.stage.append(
    line,
    h("p", { class: "course-note", id: hintId, style: "margin:0 0 0.6rem" }, "Framed: the picture that the chosen word looks at; bright in it: where."),
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

  function paint({ canvas, picture }) {
    const seen = looksAt[chosen] === picture;
    const small = document.createElement("canvas");
    paintPicture(small, spec.pictures[picture].picture);
    const context = sharpContext(canvas, SIDE, SIDE);
    context.imageSmoothingEnabled = false;
    context.drawImage(small, 0, 0, SIDE, SIDE);
    const row = looks.subarray(chosen * patches, (chosen + 1) * patches);
    const most = Math.max(...row, 1e-9), cell = SIDE / grid;
    for (let i = 0; i < patches; i += 1) {
      context.fillStyle = `rgba(12, 18, 32, ${seen ? 0.6 * (1 - row[i] / most) : 0.75})`;
      context.fillRect((i % grid) * cell, Math.floor(i / grid) * cell, cell, cell);
    }
    return seen;
  }

  function draw() {
    const at = gates.get(), opening = openings[at];
    gates.input.setAttribute("aria-valuetext", `${Math.round(100 * opening)} %`);
    gates.node.querySelector("output").textContent = `${Math.round(100 * opening)} % of what was learnt`;
    cells.forEach((cell, i) => {
      const seen = cell.canvas !== null && paint(cell);
      const isChosen = i === chosen;
      cell.button.style.boxShadow = seen ? "0 0 0 3px var(--accent)" : "none"; // the outline is for the focus
      cell.button.style.borderStyle = isChosen ? "dashed" : "solid";
      cell.button.style.borderColor = isChosen ? "var(--ink)" : "var(--line)";
      cell.button.classList.toggle("course-looking", isChosen);
      cell.button.setAttribute("aria-pressed", String(isChosen));
      cell.button.tabIndex = isChosen ? 0 : -1;
      if (cell.canvas !== null) {
        cell.button.setAttribute("aria-label", `picture ${cell.picture + 1}, ${spec.pictures[cell.picture].name}${seen ? ", looked at" : ""}`);
      }
    });
    const begin = (at * tokens.length + chosen) * words.length;
    const row = [...shares.subarray(begin, begin + words.length)];
    [...row, Math.max(0, 1 - row.reduce((sum, share) => sum + share, 0))].forEach((share, i) => {
      bars[i].fill.style.width = `${100 * share}%`;
      bars[i].number.textContent = share.toFixed(2);
    });
    const picture = looksAt[chosen];
    const name = tokens[chosen] === "<image>" ? `<image> ${picture + 1}` : `“${tokens[chosen]}”`;
    const where = picture < 0 ? "at no picture: none has come yet" : `at picture ${picture + 1} (${spec.pictures[picture].name})`;
    const said = row.map((share, i) => `${words[i]} ${share.toFixed(2)}`).join(", ");
    frame.say(`${name} looks ${where}. Behind it, with the gates at ${Math.round(100 * opening)} %: ${said}.`);
    frame.drawn();
  }
  draw();
}

export default { render };
