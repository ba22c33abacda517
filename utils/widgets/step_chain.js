// StepChain: a model's steps, uncovered one by one; a changed step is answered from what was computed. No Python once shown.

function render({ model, el }) {
  const spec = model.get("_spec");
  const frame = buildFrame(model, el);
  const depth = spec.steps.length;
  let changed = null; // the one step that the learner put in, as [place, word]

  const shown = buildSlider({ label: "Steps shown", low: 0, high: depth, step: 1 }, draw);
  shown.set(1);
  const next = h("button", { type: "button", onclick: () => {
    shown.set(Math.min(depth, shown.get() + 1));
    draw();
  } }, "Next step");
  const reset = h("button", { type: "button", onclick: () => { changed = null; draw(); } }, "As the model wrote it");
  frame.controls.append(shown.node, next, reset);

  const places = spec.steps.map((_, i) => CONTROLS.select(
    { label: i === depth - 1 ? "Answer" : `Step ${i + 1}`, options: Object.keys(spec.continuations[i]) },
    () => { changed = [i, places[i].get()]; draw(); },
  ));
  frame.stage.append(
    h("div", { class: "course-row", style: "gap:0.5rem;margin-bottom:0.6rem" }, ...spec.pictures.map(({ name, picture }) => pictureCanvas(picture, name, 112))),
    h("p", { class: "course-quote" }, spec.question),
    h("div", { class: "course-row", style: "gap:0.5rem" }, ...places.map(({ node }) => { node.style.minWidth = "6rem"; return node; })),
  );

  /** What stands at each step now: the model's own, up to the changed one, and what it wrote after that. */
  function words() {
    if (changed === null) return spec.steps;
    const [place, word] = changed;
    return [...spec.steps.slice(0, place), word, ...spec.continuations[place][word]].slice(0, depth);
  }

  function draw() {
    const now = words(), count = shown.get();
    places.forEach(({ node, input }, i) => {
      const word = now[i] ?? "";
      node.style.visibility = i < count ? "visible" : "hidden";
      input.value = word;
      const put = changed !== null && changed[0] === i;
      input.style.borderWidth = put ? "3px" : "1px";
      input.style.borderStyle = put ? "dashed" : "solid";
    });
    next.disabled = count === depth;
    const answer = now[depth - 1] ?? "nothing";
    const right = answer === spec.truth[depth - 1];
    const put = changed === null ? "" : `You put ${changed[1]} in the place of step ${changed[0] + 1}. `;
    frame.say(count < depth ? `${put}${count} of ${depth} steps shown.` : `${put}Answer: ${answer}, ${right ? "right" : `and right is ${spec.truth[depth - 1]}`}.`);
    frame.drawn();
  }
  draw();
}

export default { render };
