// UploadPicture: a file goes to Python in pieces, the picture comes back.

const PIECE = 1024 * 1024;

function render({ model, el }) {
  const { limit } = model.get("_spec");
  const frame = buildFrame(model, el);
  const id = uniqueId();
  const canvas = pictureCanvas(null, "", 256);
  canvas.hidden = true;
  const input = h("input", { id, type: "file", accept: "image/*", onchange: () => take(input.files[0]) });
  const drop = h("div", { class: "course-drop" }, h("label", { for: id }, "Picture file"), " (or drop one here)", input);
  frame.stage.append(drop, canvas);

  // dragenter and dragleave fire for the children too, so dragover alone says that a file is above
  drop.addEventListener("dragover", (event) => { event.preventDefault(); event.stopPropagation(); drop.classList.add("course-over"); });
  drop.addEventListener("dragleave", () => drop.classList.remove("course-over"));
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    // JupyterLab would open the file
    event.stopPropagation();
    drop.classList.remove("course-over");
    take(event.dataTransfer.files[0]);
  });

  const view = uniqueId();
  let turn = 0;
  let reminder = null;

  async function take(file) {
    if (!file) return;
    turn += 1;
    const mine = turn;
    frame.fail("");
    if (file.size > limit) {
      frame.fail(`${file.name} has ${(file.size / 1e6).toFixed(1)} MB; the limit is ${formatNumber(limit / 1e6)} MB`);
      return;
    }
    frame.say(`Reading ${file.name} …`);
    const bytes = await file.arrayBuffer();
    if (mine !== turn) return;
    reminder = setTimeout(() => frame.fail("Python has not answered yet: it is busy, or it is not running. After a restart, run this cell again."), 5000);
    const count = Math.max(1, Math.ceil(bytes.byteLength / PIECE));
    for (let piece = 0; piece < count; piece += 1) {
      const content = { piece, last: piece === count - 1, filename: file.name, view, turn };
      try {
        model.send(content, undefined, [bytes.slice(piece * PIECE, (piece + 1) * PIECE)]);
      } catch (error) {
        clearTimeout(reminder);
        frame.fail("Python is not running: run this cell again to bring the widget to life.");
        return;
      }
    }
  }

  function show() {
    const shown = model.get("_shown");
    if (shown.view === view && shown.turn !== turn) return;
    clearTimeout(reminder);
    if (shown.view === undefined || shown.view === view) frame.fail(shown.error ?? "", shown.details);
    if (shown.picture) {
      canvas.hidden = false;
      paintPicture(canvas, shown.picture);
      fit(canvas, 256);
      canvas.setAttribute("aria-label", shown.alt);
    }
    frame.say(shown.error ? "" : shown.text);
    frame.drawn();
  }

  model.on("change:_shown", show);
  show();
  return () => { clearTimeout(reminder); model.off("change:_shown", show); };
}

export default { render };
