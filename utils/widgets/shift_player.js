// ShiftPlayer: a video whose sound comes some frames too late or too early. No Python once shown.

/** The correlation of two rows of numbers, -1 to 1; 0 where one of them never changes. */
function correlation(a, b) {
  const mean = (row) => row.reduce((sum, value) => sum + value, 0) / row.length;
  const [meanA, meanB] = [mean(a), mean(b)];
  let top = 0, squaresA = 0, squaresB = 0;
  a.forEach((value, i) => {
    top += (value - meanA) * (b[i] - meanB);
    squaresA += (value - meanA) ** 2;
    squaresB += (b[i] - meanB) ** 2;
  });
  return squaresA * squaresB > 1e-12 ? top / Math.sqrt(squaresA * squaresB) : 0;
}

function render({ model, el }) {
  const spec = model.get("_spec");
  const { names, seen, truth, video, sound, scores } = spec;
  const frames = video.frames, size = 3 * video.height * video.width;
  const bytes = unpack(video.rgb, Uint8Array), samples = unpack(sound.samples, Float32Array);
  const each = samples.length / sound.channels;
  const frame = buildFrame(model, el);
  const canvas = pictureCanvas(null, spec.alt, 200);
  const picture = (i) => ({ height: video.height, width: video.width, rgb: bytes.subarray(i * size, (i + 1) * size) });
  const strip = h("canvas", { role: "img", "aria-label": "" });
  const WIDTH = 420, ROW = 26, LABEL = 74;

  const shift = buildSlider({ label: "Sound later by", low: spec.low, high: spec.high, step: 1, unit: "frames" }, () => { const played = playing; stop(); draw(); if (played) start(); });
  shift.set(spec.shift);
  const play = h("button", { type: "button", onclick: () => (playing ? stop() : start()) }, "Play");
  frame.controls.append(shift.node, play);
  frame.stage.append(h("div", { class: "course-row" }, canvas, h("div", { class: "course-grow" }, strip)));

  /** The samples, each channel turned round by the shift: what falls off the end comes first. */
  function shifted() {
    const by = Math.round((shift.get() * each) / frames), moved = new Float32Array(samples.length);
    for (let c = 0; c < sound.channels; c += 1) {
      for (let i = 0; i < each; i += 1) moved[c * each + ((((i + by) % each) + each) % each)] = samples[c * each + i];
    }
    return moved;
  }
  function loudness(moved) {
    const rows = new Array(frames).fill(0), long = each / frames;
    for (let c = 0; c < sound.channels; c += 1) {
      for (let i = 0; i < each; i += 1) rows[Math.min(frames - 1, Math.floor(i / long))] += moved[c * each + i] ** 2;
    }
    return rows.map((sum) => Math.sqrt(sum / (long * sound.channels)));
  }

  let now = 0, heard = [], agreement = [];
  function paint() {
    paintPicture(canvas, picture(now));
    fit(canvas, 200);
    const context = sharpContext(strip, WIDTH, ROW * (names.length + 1) + 4);
    context.fillStyle = "#ffffff";
    context.fillRect(0, 0, WIDTH, ROW * (names.length + 1) + 4);
    context.font = "12px system-ui, sans-serif";
    context.textBaseline = "middle";
    const cell = (WIDTH - LABEL - 4) / frames;
    [...seen, heard].forEach((row, i) => {
      const most = Math.max(...row, 1e-9);
      context.fillStyle = "#1f2933";
      context.fillText(i < names.length ? names[i] : "sound", 4, (i + 0.5) * ROW + 2);
      row.forEach((value, j) => {
        const tall = (ROW - 6) * Math.max(0, value / most);
        context.fillStyle = i < names.length ? "#D55E00" : "#009E73";
        context.fillRect(LABEL + j * cell + 1, (i + 1) * ROW - tall, cell - 2, tall);
      });
    });
    context.fillStyle = "#1f2933";
    context.fillRect(LABEL + now * cell, 2, 2, ROW * (names.length + 1));
    frame.drawn();
  }
  function draw() {
    heard = loudness(shifted());
    agreement = seen.map((row) => correlation(row, heard));
    const best = agreement.indexOf(Math.max(...agreement));
    const told = names.map((name, i) => `${name} ${agreement[i].toFixed(2)}`).join(", ");
    const verdict = `so it seems to be the ${names[best]}: ${best === truth ? "right" : `wrong, it is the ${names[truth]}`}.`;
    const score = scores && scores[shift.get()] !== undefined ? ` At this shift ${scores[shift.get()].toFixed(2)} of all scenes are right.` : "";
    frame.say(`The sound agrees with ${told}; ${verdict}${score}`);
    strip.setAttribute("aria-label", `How much of each shows in each of ${frames} frames, and how loud the sound is. ${told}.`);
    paint();
  }

  let playing = null;
  function start() {
    const seconds = frames / video.rate, begin = performance.now();
    playing = { timer: setInterval(() => {
      if (!canvas.isConnected) { stop(); return; }
      now = Math.floor((((performance.now() - begin) / 1000) % seconds) * video.rate) % frames;
      paint();
    }, 500 / video.rate) };
    play.textContent = "Pause";
    const Context = window.AudioContext;
    if (!Context) return;
    playing.context = new Context();
    const buffer = playing.context.createBuffer(sound.channels, each, sound.rate), moved = shifted();
    for (let c = 0; c < sound.channels; c += 1) buffer.copyToChannel(moved.subarray(c * each, (c + 1) * each), c);
    const source = playing.context.createBufferSource(), volume = playing.context.createGain();
    volume.gain.value = 2;
    source.buffer = buffer;
    source.loop = true;
    source.connect(volume).connect(playing.context.destination);
    source.start();
  }
  function stop() {
    if (!playing) return;
    clearInterval(playing.timer);
    if (playing.context) playing.context.close();
    playing = null;
    play.textContent = "Play";
  }
  draw();
  return stop;
}

export default { render };
