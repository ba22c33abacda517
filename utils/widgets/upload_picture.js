// UploadPicture: a file goes to Python in pieces, the picture comes back.

const PIECE = 1024 * 1024;

/** A button that records for `seconds` from the microphone and hands over the recording. */
function recordButton(seconds, frame, take) {
  const button = h("button", { type: "button", onclick: run, style: "margin-bottom:0.6rem" }, "Record");
  async function run() {
    frame.fail("");
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    } catch (error) {
      frame.fail("There is no microphone here, or the browser may not use it: choose a WAV file instead.");
      return;
    }
    const pieces = [];
    const recorder = new MediaRecorder(stream);
    recorder.ondataavailable = ({ data }) => pieces.push(data);
    recorder.onstop = async () => {
      stream.getTracks().forEach((track) => track.stop());
      button.disabled = false;
      const context = new AudioContext();
      try {
        const sound = await context.decodeAudioData(await new Blob(pieces).arrayBuffer());
        take(new File([wavBytes(sound.getChannelData(0), 1, sound.sampleRate)], "recording.wav", { type: "audio/wav" }));
      } catch (error) {
        frame.fail("The browser cannot read its own recording: choose a WAV file instead.");
      } finally {
        context.close();
      }
    };
    recorder.start();
    button.disabled = true;
    frame.say(`Recording for ${formatNumber(seconds)} seconds: speak now.`);
    setTimeout(() => recorder.stop(), 1000 * seconds);
  }
  return button;
}

function render({ model, el }) {
  const { limit, accept, label, record } = model.get("_spec");
  const frame = buildFrame(model, el);
  const id = uniqueId();
  const canvas = pictureCanvas(null, "", 256);
  canvas.hidden = true;
  const input = h("input", { id, type: "file", accept, onchange: () => take(input.files[0]) });
  const drop = h("div", { class: "course-drop" }, h("label", { for: id }, label), " (or drop one here)", input);
  frame.stage.append(drop, canvas);
  if (record) frame.stage.prepend(recordButton(record, frame, take));

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
