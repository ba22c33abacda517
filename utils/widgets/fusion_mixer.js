// FusionMixer: choose what each modality says, and read what it means alone and together. No Python once shown.

const VIEWS = {
  picture: (data) => ({ node: pictureCanvas(data, data.label, 128) }),
  sound: (data) => soundPlayer(data, data.label),
  text: (data) => ({ node: h("p", { class: "course-quote" }, `“${data.text}”`) }),
};

function render({ model, el }) {
  const { inputs, classes, scores, fusedName } = model.get("_spec");
  const frame = buildFrame(model, el);
  const table = unpack(scores, Float32Array);
  const MISSING = "nothing";
  /** What the model says for one choice of each modality; the last choice of each is nothing at all. */
  function shares(choice) {
    let row = 0;
    inputs.forEach((input, i) => { row = row * (input.options.length + 1) + choice[i]; });
    return [...table.subarray(row * classes.length, (row + 1) * classes.length)];
  }
  const views = inputs.map(() => h("div", { class: "course-mix-view" }));
  const selects = inputs.map((input, i) => {
    const select = CONTROLS.select({ label: input.name, options: [...input.options.map((option) => option.label), MISSING] }, () => { view(i); draw(); });
    select.set(input.options[input.start].label);
    return select;
  });
  frame.stage.append(h("div", { class: "course-mix" }, ...inputs.map((_, i) => h("div", { class: "course-mix-input" }, selects[i].node, views[i]))));
  const heads = [...inputs.map((input) => `${input.name} alone`), fusedName];
  const cells = classes.map(() => heads.map(() => h("td", {})));
  frame.stage.append(h("div", { class: "course-scroll" }, h("table", { class: "course-mix-table" },
    h("caption", {}, "how likely each is, to whoever has"),
    h("thead", {}, h("tr", {}, h("td", {}), ...heads.map((name) => h("th", { scope: "col" }, name)))),
    h("tbody", {}, ...classes.map((name, i) => h("tr", {}, h("th", { scope: "row" }, name), ...cells[i]))))));
  frame.stage.before(frame.text);
  frame.text.style.margin = "0 0 0.6rem";

  const chosen = (i) => selects[i].input.selectedIndex;
  function view(i) {
    const option = inputs[i].options[chosen(i)];
    const shown = option ? VIEWS[inputs[i].kind](option) : { node: h("p", { class: "course-note" }, `no ${inputs[i].name}`) };
    views[i].replaceChildren(shown.node);
    if (shown.draw) shown.draw();
  }
  function draw() {
    const none = inputs.map((input) => input.options.length);
    const choice = inputs.map((_, i) => chosen(i));
    const columns = [...inputs.map((_, i) => shares(none.map((empty, j) => (i === j ? choice[i] : empty)))), shares(choice)];
    columns.forEach((column, j) => {
      const most = Math.max(...column), missing = j < inputs.length && choice[j] === none[j];
      column.forEach((share, i) => {
        const cell = cells[i][j], { colour, ink } = cividis(share);
        cell.textContent = missing ? "–" : share.toFixed(2) + (share === most ? " ◀" : "");
        cell.style.backgroundColor = missing ? "" : colour;
        cell.style.color = missing ? "" : ink;
      });
    });
    const says = (column) => classes[column.indexOf(Math.max(...column))];
    const parts = inputs.map((input, i) => (choice[i] === none[i] ? `no ${input.name}` : `${input.name}: ${says(columns[i])}`));
    const empty = choice.every((at, i) => at === none[i]);
    frame.say(empty ? "Nothing is there to judge by." : `${parts.join(", ")}; together: ${says(columns[inputs.length])}.`);
    frame.drawn();
  }
  inputs.forEach((_, i) => view(i));
  draw();
}

export default { render };
