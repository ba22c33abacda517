// FigureWidget: the newest PNG on a canvas.

function render({ model, el }) {
  const canvas = h("canvas", { class: "course-figure", role: "img" });
  let newest = 0;
  async function show(shown, frame) {
    if (!canvas.isConnected) frame.stage.append(canvas);
    const mine = (newest += 1);
    const bitmap = await createImageBitmap(new Blob([shown.png], { type: "image/png" }));
    if (mine === newest) {
      if (canvas.width !== shown.width || canvas.height !== shown.height) {
        canvas.width = shown.width;
        canvas.height = shown.height;
      }
      canvas.getContext("2d").drawImage(bitmap, 0, 0);
      canvas.setAttribute("aria-label", shown.alt);
      frame.say(shown.text);
      frame.drawn();
    }
    bitmap.close();
  }
  return renderLive(model, el, show);
}

export default { render };
