// SearchBox: a strip of pictures, best first.

function render({ model, el }) {
  const strip = h("ol", { class: "course-strip", "aria-label": "results, best first" });
  function show(shown, frame) {
    if (!strip.isConnected) frame.stage.append(strip);
    strip.replaceChildren(...shown.results.map(({ picture, score, label }) => h(
      "li", {}, pictureCanvas(picture, label, 128), h("span", { class: "course-score" }, score.toFixed(3)), label,
    )));
    frame.say(shown.error ? "" : shown.text);
    frame.drawn();
  }
  return renderLive(model, el, show);
}

export default { render };
