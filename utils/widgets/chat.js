// Chat: a picture, what was said about it, and a line for the next question.

function render({ model, el }) {
  const { suggestions } = model.get("_spec");
  const canvas = pictureCanvas(null, "", 160);
  const lines = h("ol", {});
  const log = h("div", { class: "course-chat", role: "log", "aria-label": "the conversation", tabindex: 0 }, lines);
  const id = uniqueId(), listId = uniqueId();
  const input = h("input", {
    id, type: "text", maxlength: 200, autocomplete: "off", spellcheck: "false", list: suggestions.length ? listId : null,
    onkeydown: (event) => { if (event.key === "Enter") { event.preventDefault(); say(); } },
  });
  const send = h("button", { type: "button", onclick: say }, "Ask");
  const again = h("button", { type: "button", onclick: () => python.ask({ begin: true }) }, "Begin again");
  const line = h("div", { class: "course-control course-control-wide" },
    h("label", { for: id }, "Your question"), input, h("div", { class: "course-buttons" }, send, again));
  if (suggestions.length) line.append(h("datalist", { id: listId }, ...suggestions.map((value) => h("option", { value }))));

  const frame = buildFrame(model, el);
  const { controls: [spec] } = model.get("_spec");
  const choose = CONTROLS[spec.kind](spec, () => python.ask({ question: { [spec.name]: choose.get() } }));
  frame.controls.append(choose.node);
  frame.stage.append(h("div", { class: "course-row" }, canvas, h("div", { class: "course-grow" }, log, line)));
  const python = askPython(model, frame, show);

  function say() {
    if (input.value.trim()) python.ask({ say: input.value });
  }

  let told = 0;
  function show(shown) {
    paintPicture(canvas, shown.picture);
    fit(canvas, 160);
    canvas.setAttribute("aria-label", shown.alt);
    // a question that was taken in makes room for the next
    if (shown.turns.length > told && !shown.error) input.value = "";
    told = shown.turns.length;
    lines.replaceChildren(...shown.turns.flatMap(([question, words]) => [
      h("li", { class: "course-said" }, h("b", {}, "You: "), question),
      h("li", { class: "course-told" }, h("b", {}, "Model: "), words || "…"),
    ]));
    log.hidden = !shown.turns.length;
    log.scrollTop = log.scrollHeight;
    if (python.isCalm()) choose.set(model.get("values")[spec.name]);
    frame.drawn();
  }

  const onValues = () => { if (python.isCalm()) choose.set(model.get("values")[spec.name]); };
  model.on("change:values", onValues);
  show(model.get("_shown"));
  return () => { python.stop(); model.off("change:values", onValues); };
}

export default { render };
