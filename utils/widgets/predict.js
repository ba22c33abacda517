// Predict and what its reveal() returns: one file, since both show the same comparison. No Python once shown.

function compare(guess, answer, spec) {
  const unit = spec.control.unit ? ` ${spec.control.unit}` : "";
  const words = (value) => (typeof value === "string" ? value : formatNumber(value) + unit);
  if (guess === null) return h("p", {}, `The answer is ${words(answer)}. Next time, commit to a guess first: then it sticks.`);
  if (typeof guess === "string") {
    return guess === answer
      ? h("p", { class: "course-good" }, `✓ You said ${guess}, and so it is.`)
      : h("p", {}, h("span", { class: "course-bad" }, "✗ "), `You said ${guess}; it is ${answer}.`);
  }
  const low = Math.min(spec.control.low, guess, answer), high = Math.max(spec.control.high, guess, answer);
  const place = (value) => (100 * (value - low)) / (high - low);
  // a flag near the right end grows to the left, so that it stays inside
  const side = (at) => (at > 66 ? `right:${100 - at}%` : at < 33 ? `left:${at}%` : `left:${at}%;transform:translateX(-50%)`);
  const flag = (value, name, top, colour) => [
    h("span", { class: "course-stem", style: `left:${place(value)}%;background:var(--${colour})` }),
    h("span", { class: "course-flag", style: `top:${top};color:var(--${colour});${side(place(value))}` }, `${name} ${words(value)}`),
  ];
  return h("div", {},
    h("p", {}, `You said ${words(guess)}; it is ${words(answer)}: off by ${words(Number(Math.abs(guess - answer).toPrecision(4)))}.`),
    h("div", { class: "course-line", "aria-hidden": "true" },
      ...flag(guess, "your guess", "0.3rem", "accent"), ...flag(answer, "measured", "3rem", "good")));
}

function render({ model, el }) {
  const spec = model.get("_spec");
  const frame = buildFrame(model, el);
  const result = h("div", { role: "status", "aria-live": "polite" });

  if (spec.revealed) {
    frame.stage.append(result);
    const show = () => { result.replaceChildren(compare(model.get("guess"), model.get("_answer"), spec)); frame.drawn(); };
    model.on("change:guess change:_answer", show);
    show();
    return () => model.off("change:guess change:_answer", show);
  }

  const control = CONTROLS[spec.control.kind](spec.control, () => { commit.disabled = control.get() === undefined; frame.drawn(); });
  if (spec.control.kind === "slider") control.set(spec.start);
  const commit = h("button", { type: "button", class: "course-primary", onclick: () => {
    model.set("guess", control.get());
    model.save_changes();
  } }, "Commit my guess");
  commit.disabled = control.get() === undefined;
  frame.stage.append(h("p", { class: "course-quote" }, spec.question), h("div", { class: "course-controls" }, control.node, commit), result);

  function show() {
    const guess = model.get("guess"), answer = model.get("_answer");
    const committed = guess !== null;
    if (committed) control.set(guess);
    for (const input of control.node.querySelectorAll("input")) input.disabled = committed;
    commit.disabled = committed || control.get() === undefined;
    commit.textContent = committed ? "Committed" : "Commit my guess";
    if (!committed) result.replaceChildren();
    else if (answer === null) result.replaceChildren(h("p", {}, "Your guess is kept. Run on to see."));
    else result.replaceChildren(compare(guess, answer, spec));
    frame.drawn();
  }
  model.on("change:guess change:_answer", show);
  show();
  return () => model.off("change:guess change:_answer", show);
}

export default { render };
