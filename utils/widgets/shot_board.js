// ShotBoard: examples that change their word or leave, and the probabilities that follow. No Python once shown.

function render({ model, el }) {
  const spec = model.get("_spec");
  const frame = buildFrame(model, el);
  const shares = unpack(spec.shares, Float32Array);
  const states = 3 ** spec.shots.length;
  const state = [...spec.start];
  const OUT = 2;

  const asked = CONTROLS.select({ label: "Picture to name", options: spec.asked.map(({ name }) => name) }, draw);
  const swap = h("button", { type: "button", onclick: () => {
    state.forEach((value, i) => { if (value !== OUT) state[i] = 1 - value; });
    draw();
  } }, "Exchange the two words");
  const reset = h("button", { type: "button", onclick: () => {
    spec.start.forEach((value, i) => { state[i] = value; });
    draw();
  } }, "Reset");
  frame.controls.append(asked.node, swap, reset);

  const cards = spec.shots.map(({ name, picture }, i) => {
    const image = pictureCanvas(picture, name, 72);
    const word = h("b", {});
    const button = h("button", { type: "button", style: "display:flex;flex-direction:column;align-items:center;gap:0.25rem;padding:0.35rem", onclick: () => {
      state[i] = (state[i] + 1) % 3;
      draw();
    } }, image, word);
    return { button, image, word, name };
  });
  const question = h("div", { style: "display:flex;flex-direction:column;align-items:center;gap:0.25rem;padding:0.35rem" });
  const bars = [...spec.words, "another word"].map((name) => {
    const fill = h("div"), number = h("span", { class: "course-number" });
    return { fill, number, nodes: [h("span", {}, name), h("div", { class: "course-bar" }, fill), number] };
  });
  frame.stage.append(
    h("div", { class: "course-row", style: "gap:0.4rem;margin-bottom:0.75rem" }, ...cards.map(({ button }) => button), question),
    h("div", { class: "course-bars" }, ...bars.flatMap(({ nodes }) => nodes)),
  );

  function draw() {
    const chosen = spec.asked.findIndex(({ name }) => name === asked.get());
    const index = state.reduce((sum, value) => 3 * sum + value, 0);
    const at = 2 * (chosen * states + index);
    const both = [shares[at], shares[at + 1]];
    cards.forEach(({ button, image, word, name }, i) => {
      const out = state[i] === OUT;
      word.textContent = out ? "left out" : spec.words[state[i]];
      image.style.opacity = out ? 0.25 : 1;
      button.style.borderStyle = out ? "dashed" : "solid";
      button.setAttribute("aria-label", `${name}: ${word.textContent}. Press to change.`);
    });
    question.replaceChildren(pictureCanvas(spec.asked[chosen].picture, spec.asked[chosen].name, 72), h("b", {}, "?"));
    [...both, Math.max(0, 1 - both[0] - both[1])].forEach((share, i) => {
      bars[i].fill.style.width = `${100 * share}%`;
      bars[i].number.textContent = share.toFixed(2);
    });
    const winner = both[0] >= both[1] ? 0 : 1;
    frame.say(`${state.filter((value) => value !== OUT).length} examples: ${spec.words[winner]} ${both[winner].toFixed(2)}, ${spec.words[1 - winner]} ${both[1 - winner].toFixed(2)}.`);
    frame.drawn();
  }
  draw();
}

export default { render };
