// ContextBudget: tokens, pairs of tokens and FLOPs at the speed of the hand. No Python once shown.

const SIDE = 300;
const AMOUNTS = [[1e18, "quintillion"], [1e15, "quadrillion"], [1e12, "trillion"], [1e9, "billion"], [1e6, "million"]];

/** A large number in words: "3.5 billion". */
function amount(value) {
  for (const [size, name] of AMOUNTS) if (value >= size) return `${(value / size).toPrecision(3)} ${name}`;
  return value.toLocaleString("en");
}

function percent(share) {
  return `${(100 * share).toFixed(1)} %`;
}

function render({ model, el }) {
  const spec = model.get("_spec");
  const frame = buildFrame(model, el);
  const names = Object.keys(spec.models);
  const which = CONTROLS.select({ label: "Model", options: names }, draw);
  const sliders = Object.fromEntries(spec.controls.map((control) => {
    const slider = buildSlider(control, draw);
    slider.set(control.start);
    return [control.name, slider];
  }));
  frame.controls.append(which.node, ...Object.values(sliders).map((slider) => slider.node));
  const canvas = h("canvas", { role: "img", style: `width:${SIDE}px;max-width:100%` });
  const { text, image: picture, other } = spec.colours;
  const bars = [["text", text], ["picture", picture], ["weights", other], ["attention", other]].map(([name, colour]) => {
    const fill = h("div", { style: `background:${colour}` }), number = h("span", { class: "course-number" });
    return { name: h("span", {}, name), bar: h("div", { class: "course-bar" }, fill), fill, number };
  });
  const group = (title, rows) => [
    h("p", { class: "course-label" }, title),
    h("div", { class: "course-bars", style: "grid-template-columns:minmax(5rem,max-content) 1fr 8rem" }, ...rows.flatMap(({ name, bar, number }) => [name, bar, number])),
  ];
  frame.stage.append(h("div", { style: "display:flex;flex-wrap:wrap;gap:1.25rem;align-items:flex-start" },
    canvas,
    h("div", { style: "flex:1 1 16rem" }, ...group("Tokens, of the window", bars.slice(0, 2)), ...group("FLOPs, by where", bars.slice(2)))));

  function draw() {
    const name = which.get(), sizes = spec.models[name];
    const words = sliders.words.get(), pixels = sliders.pixels.get(), patch = sliders.patch.get();
    const image = Math.floor(pixels / patch) ** 2, tokens = words + image, window_ = sizes.length;
    const weights = 2 * tokens * (sizes.depth * (4 * sizes.width ** 2 + 2 * sizes.width * sizes.hidden) + sizes.width * sizes.vocabulary);
    const attention = 4 * tokens ** 2 * sizes.width * sizes.depth, all = weights + attention;

    const context = sharpContext(canvas, SIDE, SIDE);
    const unit = (SIDE - 4) / Math.max(window_, tokens), at = (value) => 2 + value * unit;
    const box = (x, y, wide, tall, colour) => { context.fillStyle = colour; context.fillRect(at(x), at(y), wide * unit, tall * unit); };
    context.fillStyle = "#ffffff";
    context.fillRect(0, 0, SIDE, SIDE);
    box(0, 0, words, words, spec.colours.text);
    box(words, words, image, image, spec.colours.image);
    box(words, 0, image, words, other);
    box(0, words, words, image, other);
    // a frame that is seen on any colour: white under dark, broken where the window is too small
    for (const [colour, width] of [["#ffffff", 5], ["#1f2933", 2]]) {
      context.lineWidth = width;
      context.strokeStyle = colour;
      context.setLineDash(tokens > window_ && width === 2 ? [6, 4] : []);
      context.strokeRect(2, 2, window_ * unit, window_ * unit);
    }
    canvas.setAttribute("aria-label", `all pairs of ${tokens.toLocaleString("en")} tokens, in a window of ${window_.toLocaleString("en")}`);

    const shares = [words / window_, image / window_, all ? weights / all : 0, all ? attention / all : 0];
    const numbers = [words.toLocaleString("en"), image.toLocaleString("en"), amount(weights), amount(attention)];
    bars.forEach(({ fill, number }, i) => {
      fill.style.width = `${Math.min(100, 100 * shares[i])}%`;
      number.textContent = numbers[i];
    });
    const fits = tokens > window_ ? `It does not fit into ${name}'s window of ${window_.toLocaleString("en")}` : `${percent(tokens / window_)} of ${name}'s window of ${window_.toLocaleString("en")}`;
    frame.say(`${tokens.toLocaleString("en")} tokens, ${(tokens ** 2).toLocaleString("en")} pairs. ${fits}. ${amount(all)} FLOPs, ${percent(all ? attention / all : 0)} of them in attention.`);
    frame.drawn();
  }
  draw();
}

export default { render };
