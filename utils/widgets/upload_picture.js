// UploadPicture: a file goes to Python in pieces, the picture comes back.

const PIECE = 1024 * 1024;

/** One channel of samples, -1 to 1, as a WAV file of 16 bits. */
function wavFile(samples, rate) {
  const view = new DataView(new ArrayBuffer(44 + 2 * samples.length));
  const word = (at, text) => [...text].forEach((letter, i) => view.setUint8(at + i, letter.charCodeAt(0)));
  word(0, "RIFF"); view.setUint32(4, 36 + 2 * samples.length, true); word(8, "WAVEfmt ");
  view.setUint32(16, 16, true); view.setUint16(20, 1, true); view.setUint16(22, 1, true);
  view.setUint32(24, rate, true); view.setUint32(28, 2 * rate, true); view.setUint16(32, 2, true); view.setUint16(34, 16, true);
  word(36, "data"); view.setUint32(40, 2 * samples.length, true);
  samples.forEach((value, i) => view.setInt16(44 + 2 * i, Math.round(32767 * Math.min(1, Math.max(-1, value))), true));
  return new File([view], "recording.wav", { type: "audio/wav" });
}

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
        take(wavFile(sound.getChannelData(0), sound.sampleRate));
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
