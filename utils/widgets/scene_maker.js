// SceneMaker: the picture, the sentence and the record of one scene.

function render({ model, el }) {
  const canvas = pictureCanvas(null, "", 256);
  const sentence = h("p", { class: "course-quote", "aria-live": "polite" });
  const record = h("div");
  const row = h("div", { class: "course-row" }, canvas, h("div", { class: "course-grow" }, sentence, record));
  function show(shown, frame) {
    if (!row.isConnected) frame.stage.append(row);
    paintPicture(canvas, shown.picture);
    fit(canvas, 256);
    canvas.setAttribute("aria-label", shown.alt);
    if (sentence.textContent !== shown.sentence) sentence.textContent = shown.sentence;
    record.replaceChildren(buildTable(shown.record, "the same scene as a record"));
    frame.drawn();
  }
  return renderLive(model, el, show);
}

export default { render };
