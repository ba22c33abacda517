// PromptBox: a document, a request, and the model's reply in large print.

function render({ model, el }) {
  return renderLive(model, el, (shown, frame) => {
    frame.text.style.fontSize = "1.15em";
    frame.say(shown.error ? "" : `→ ${shown.text}`);
    frame.drawn();
  });
}

export default { render };
