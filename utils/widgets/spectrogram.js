// SpectrogramLab: a window slides over a sound, and each of its places becomes a column. No Python once shown.

const FFT = 1024; // a window is filled up with zeros to this, so that the picture is as high for any window
const ROWS = FFT / 4; // a row of the picture for every two frequencies
const RANGE = 8; // powers of ten below the loudest that are shown, as in `utils.models.audio.log_mel`
const WIDE = 640, WAVE = 64, HIGH = 250, LEFT = 54, SLICE = 110, GAP = 8;

/** The power of each frequency, 0 to half the rate, of `FFT` real samples (radix 2, in place, by Cooley and Tukey). */
function powerOf(real) {
  const imaginary = new Float64Array(FFT);
  for (let i = 1, j = 0; i < FFT; i += 1) {
    let bit = FFT >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) [real[i], real[j]] = [real[j], real[i]];
  }
  for (let size = 2; size <= FFT; size *= 2) {
    const half = size / 2;
    for (let k = 0; k < half; k += 1) {
      const cos = Math.cos((2 * Math.PI * k) / size), sin = -Math.sin((2 * Math.PI * k) / size);
      for (let i = k; i < FFT; i += size) {
        const j = i + half;
        const re = real[j] * cos - imaginary[j] * sin, im = real[j] * sin + imaginary[j] * cos;
        real[j] = real[i] - re; imaginary[j] = imaginary[i] - im;
        real[i] += re; imaginary[i] += im;
      }
    }
  }
  return Float64Array.from({ length: FFT / 2 }, (_, k) => real[k] ** 2 + imaginary[k] ** 2);
}

/** Rows from bands of mel (Slaney's scale, triangles of equal area): for each band, the weight of each frequency. */
function melBands(count, rate) {
  const toMel = (hertz) => (hertz < 1000 ? (hertz * 3) / 200 : 15 + (27 * Math.log(hertz / 1000)) / Math.log(6.4));
  const toHertz = (mel) => (mel < 15 ? (mel * 200) / 3 : 1000 * Math.exp(((mel - 15) * Math.log(6.4)) / 27));
  const edges = Array.from({ length: count + 2 }, (_, i) => toHertz((toMel(rate / 2) * i) / (count + 1)));
  return edges.slice(0, count).map((low, i) => {
    const [middle, high] = [edges[i + 1], edges[i + 2]];
    const weights = Float64Array.from({ length: FFT / 2 }, (_, k) => {
      const hertz = (k * rate) / FFT;
      return (Math.max(0, Math.min((hertz - low) / (middle - low), (high - hertz) / (high - middle))) * 2) / (high - low);
    });
    return { weights, middle };
  });
}

function render({ model, el }) {
  const spec = model.get("_spec");
  const { rate } = spec;
  const sounds = model.get("_data").sounds.map(({ name, samples }) => ({ name, samples: unpack(samples, Float32Array) }));
  const frame = buildFrame(model, el);
  const bands = melBands(spec.mels, rate);

  const sound = CONTROLS.select({ label: "Sound", options: sounds.map(({ name }) => name) }, compute);
  const length = buildSlider({ label: "Window", low: 4, high: 128, log: true, unit: "ms" }, compute);
  const step = buildSlider({ label: "Hop", low: 2, high: 64, log: true, unit: "ms" }, compute);
  const moment = buildSlider({ label: "Moment", low: 0, high: 100, step: 1, unit: "% of the sound" }, draw);
  const rows = CONTROLS.choice({ label: "Rows", options: ["frequencies", "mel bands"] }, compute);
  const scale = CONTROLS.toggle({ label: "logarithm" }, draw);
  length.set(spec.window);
  step.set(spec.hop);
  moment.set(40);
  rows.set("frequencies");
  scale.set(true);
  const play = h("button", { type: "button", onclick: listen }, "Play");
  frame.controls.append(sound.node, length.node, step.node, moment.node, rows.node, scale.node, h("div", { class: "course-control" }, play));

  const canvas = h("canvas", { role: "img", style: `width:100%;max-width:${WIDE}px;touch-action:none;cursor:ew-resize` });
  frame.stage.append(canvas);
  const picture = document.createElement("canvas");
  let columns = [], highest = 1, drag = false;

  function compute() {
    const { samples } = sounds.find(({ name }) => name === sound.get());
    const size = Math.round((length.get() * rate) / 1000), hop = Math.max(1, Math.round((step.get() * rate) / 1000));
    const window = Float64Array.from({ length: size }, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * (i + 0.5)) / size));
    columns = [];
    for (let begin = 0; begin < samples.length; begin += hop) {
      const cut = new Float64Array(FFT), first = Math.round(begin + hop / 2 - size / 2);
      for (let i = 0; i < size; i += 1) cut[i] = (samples[first + i] ?? 0) * window[i];
      const power = powerOf(cut);
      columns.push(rows.get() === "mel bands"
        ? Float64Array.from(bands, ({ weights }) => weights.reduce((sum, weight, k) => sum + weight * power[k], 0))
        : Float64Array.from({ length: ROWS }, (_, row) => Math.max(power[2 * row], power[2 * row + 1])));
    }
    highest = Math.max(1e-12, ...columns.map((column) => Math.max(...column)));
    draw();
  }

  const brightness = (power) => (scale.get() ? 1 + Math.log10(Math.max(power / highest, 1e-30)) / RANGE : power / highest);

  function draw() {
    const { samples } = sounds.find(({ name }) => name === sound.get());
    const style = getComputedStyle(frame.root);
    const ink = style.getPropertyValue("--ink"), paper = style.getPropertyValue("--paper"), quiet = style.getPropertyValue("--quiet");
    const context = sharpContext(canvas, WIDE, WAVE + HIGH + 26);
    context.fillStyle = paper;
    context.fillRect(0, 0, WIDE, WAVE + HIGH + 26);
    const width = WIDE - LEFT - SLICE - GAP, top = WAVE + 4;
    const x = (sample) => LEFT + (width * sample) / samples.length;

    // the waveform, and the window over it
    const at = (moment.get() / 100) * samples.length;
    const size = (length.get() * rate) / 1000;
    context.fillStyle = "rgba(0, 158, 115, 0.28)";
    context.fillRect(x(at - size / 2), 0, Math.max(2, x(size) - LEFT), WAVE);
    context.strokeStyle = ink;
    context.beginPath();
    const loudest = samples.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-6);
    samples.forEach((value, i) => context[i ? "lineTo" : "moveTo"](x(i), WAVE / 2 - ((WAVE / 2 - 2) * value) / loudest));
    context.stroke();

    // the picture: a column for each window
    const high = columns[0].length;
    picture.width = columns.length;
    picture.height = high;
    const pixels = picture.getContext("2d").createImageData(columns.length, high);
    columns.forEach((column, i) => column.forEach((power, row) => {
      const place = 4 * ((high - 1 - row) * columns.length + i);
      const rgb = cividis(brightness(power)).colour.match(/\d+/g);
      for (let c = 0; c < 3; c += 1) pixels.data[place + c] = rgb[c];
      pixels.data[place + 3] = 255;
    }));
    picture.getContext("2d").putImageData(pixels, 0, 0);
    context.imageSmoothingEnabled = false;
    context.drawImage(picture, LEFT, top, width, HIGH);
    context.strokeStyle = "#ffffff";
    context.setLineDash([4, 3]);
    context.strokeRect(x(at), top, 0, HIGH);
    context.setLineDash([]);

    // what the window hears at this moment
    const now = columns[Math.min(columns.length - 1, Math.floor((columns.length * at) / samples.length))];
    context.strokeStyle = "#009e73";
    context.lineWidth = 1.5;
    context.beginPath();
    now.forEach((power, row) => {
      const y = top + HIGH * (1 - (row + 0.5) / high);
      context[row ? "lineTo" : "moveTo"](LEFT + width + GAP + SLICE * Math.min(1, Math.max(0, brightness(power))), y);
    });
    context.stroke();
    context.lineWidth = 1;

    context.fillStyle = quiet;
    context.font = "11px system-ui, sans-serif";
    context.textAlign = "right";
    context.textBaseline = "middle";
    const mel = rows.get() === "mel bands";
    for (const hertz of [500, 1000, 2000, 3000, rate / 2 - 250]) {
      const share = mel ? (bands.findIndex(({ middle }) => middle >= hertz) + 0.5) / high : hertz / (rate / 2);
      context.fillText(`${hertz} Hz`, LEFT - 3, top + HIGH * (1 - share));
    }
    context.textBaseline = "top";
    context.textAlign = "center";
    const seconds = samples.length / rate;
    for (let i = 0; i <= 4; i += 1) context.fillText(`${formatNumber((seconds * i) / 4, 2)} s`, LEFT + (width * i) / 4, top + HIGH + 5);
    context.fillText("at this moment", LEFT + width + GAP + SLICE / 2, top + HIGH + 5);

    const melt = Math.round(2000 / length.get());
    canvas.setAttribute("aria-label", `waveform and spectrogram of ${sound.get()}: ${columns.length} columns of ${high} ${rows.get()}, window ${formatNumber(length.get())} ms`);
    frame.say(`${columns.length} columns of ${high} ${rows.get()}. Within a window of ${formatNumber(length.get())} ms, tones closer than about ${melt} Hz melt into one; and all that happens within it happens at once.`);
    frame.drawn();
  }

  function point(event) {
    const box = canvas.getBoundingClientRect();
    const share = ((event.clientX - box.left) * (WIDE / box.width) - LEFT) / (WIDE - LEFT - SLICE - GAP);
    moment.set(Math.round(100 * Math.min(1, Math.max(0, share))));
    draw();
  }
  canvas.addEventListener("pointerdown", (event) => { drag = true; canvas.setPointerCapture(event.pointerId); point(event); });
  canvas.addEventListener("pointermove", (event) => { if (drag) point(event); });
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => { drag = false; });

  let speaker = null;
  function listen() {
    const { samples } = sounds.find(({ name }) => name === sound.get());
    speaker ??= new AudioContext();
    const buffer = speaker.createBuffer(1, samples.length, rate);
    buffer.copyToChannel(samples, 0);
    const source = new AudioBufferSourceNode(speaker, { buffer });
    source.connect(speaker.destination);
    source.start();
  }

  compute();
  const stop = onTheme(draw);
  return () => { stop(); speaker?.close(); };
}

export default { render };
