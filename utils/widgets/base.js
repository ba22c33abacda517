// Shared by all widgets. This file is put in front of a widget's own, so it neither imports nor exports.

/** Make an element: attributes (`onclick` and the like are listeners; true, false and null do what one expects), children. */
function h(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

function uniqueId() {
  return `course-${Math.random().toString(36).slice(2, 11)}`;
}

// JupyterLab takes arrow keys and letters for its own commands (x cuts a cell) wherever the focus is no text box. It leaves
// an element alone that has this attribute. Ctrl+S and the like stay its own. It listens on the document, so we on the window.
if (!window.courseKeysGuarded) {
  window.courseKeysGuarded = true;
  window.addEventListener("keydown", (event) => {
    if (event.target instanceof Element && event.target.closest(".course-widget")) {
      event.target.toggleAttribute("data-lm-suppress-shortcuts", !(event.ctrlKey || event.metaKey || event.altKey));
    }
  }, true);
}

/** At most four significant digits, without exponents for everyday sizes. */
function formatNumber(value, digits = 4) {
  if (Number.isInteger(value)) return String(value);
  const short = Number(value.toPrecision(digits));
  return Math.abs(short) >= 1e-4 && Math.abs(short) < 1e7 ? String(short) : short.toExponential();
}

/** The frame of a widget: title, what to try, controls, stage, a polite line of text, and a place for errors. */
function buildFrame(model, el) {
  const { title, caption } = model.get("_spec");
  const captionId = uniqueId();
  const frame = {
    controls: h("div", { class: "course-controls" }),
    stage: h("div", { class: "course-stage" }),
    text: h("p", { class: "course-text", role: "status", "aria-live": "polite" }),
    error: h("div", { class: "course-error", role: "alert" }),
  };
  frame.root = h(
    "div", { class: "course-widget", role: "group", "aria-label": title, "aria-describedby": captionId },
    h("p", { class: "course-title" }, title),
    h("p", { class: "course-caption", id: captionId }, caption),
    frame.controls, frame.stage, frame.text, frame.error,
  );
  // how often it was drawn, for tests and for whoever measures
  frame.drawn = () => { frame.root.dataset.drawn = Number(frame.root.dataset.drawn ?? 0) + 1; };
  frame.say = (text) => { if (frame.text.textContent !== text) frame.text.textContent = text; };
  frame.fail = (message, details = "") => {
    frame.error.replaceChildren();
    if (!message) return;
    frame.error.append(h("span", {}, message));
    if (details) frame.error.append(h("details", {}, h("summary", {}, "where it happened"), h("pre", { tabindex: 0 }, details)));
  };
  el.append(frame.root);
  return frame;
}

/**
 * Questions to Python: one at a time, and then only the newest. Returns ask(content, buffers).
 * `onAnswer(shown)` runs for each state that Python sets, whoever asked.
 */
function askPython(model, frame, onAnswer) {
  const view = uniqueId();
  const patience = 5000;
  let turn = 0, sentAt = null, waiting = null, reminder = null;

  function send(content, buffers) {
    turn += 1;
    sentAt = performance.now();
    clearTimeout(reminder);
    reminder = setTimeout(() => frame.fail(
      "Python has not answered yet: it is busy, or it is not running. After a restart, run this cell again.",
    ), 1500);
    try {
      model.send({ ...content, view, turn }, undefined, buffers);
    } catch (error) {
      sentAt = null;
      clearTimeout(reminder);
      frame.fail("Python is not running: run this cell again to bring the widget to life.");
    }
  }

  function ask(content, buffers = []) {
    if (sentAt !== null && performance.now() - sentAt < patience) waiting = [content, buffers];
    else send(content, buffers);
  }

  function answered() {
    const shown = model.get("_shown");
    if (shown.view === view && shown.turn === turn) {
      sentAt = null;
      clearTimeout(reminder);
      frame.fail(shown.error, shown.details);
    } else if (shown.view === undefined) frame.fail("");
    onAnswer(shown);
    if (sentAt === null && waiting !== null) {
      const [content, buffers] = waiting;
      waiting = null;
      send(content, buffers);
    }
  }

  model.on("change:_shown", answered);
  return {
    ask,
    isCalm: () => sentAt === null && waiting === null,
    stop: () => { clearTimeout(reminder); model.off("change:_shown", answered); },
  };
}

/** A range input with its label and its value in words. Returns {node, input, get, set}. */
function buildSlider(spec, onInput) {
  const id = uniqueId();
  const { low, high, step, log, unit = "" } = spec;
  const positions = 400;
  const toPosition = (value) => (log ? (positions * Math.log(value / low)) / Math.log(high / low) : value);
  const toValue = (position) => {
    if (!log) return position;
    const value = low * (high / low) ** (position / positions);
    return Math.min(high, Math.max(low, Number(value.toPrecision(3))));
  };
  const words = (value) => formatNumber(value) + (unit ? ` ${unit}` : "");
  const output = h("output", { for: id });
  const input = h("input", {
    id, type: "range", min: log ? 0 : low, max: log ? positions : high, step: log ? 1 : step,
    oninput: () => { exact = null; announce(); onInput(); },
  });
  // a value that was set may lie between two positions of the handle
  let exact = null;
  const get = () => exact ?? toValue(Number(input.value));
  function announce() {
    output.textContent = words(get());
    input.setAttribute("aria-valuetext", words(get()));
  }
  const set = (value) => { input.value = toPosition(value); exact = value; announce(); };
  const node = h("div", { class: "course-control course-control-wide" }, h("div", {}, h("label", { for: id }, spec.label), output), input);
  return { node, input, get, set };
}

const CONTROLS = {
  slider: buildSlider,
  select(spec, onInput) {
    const id = uniqueId();
    const input = h("select", { id, onchange: onInput }, ...spec.options.map((option) => h("option", { value: option }, option)));
    const node = h("div", { class: "course-control" }, h("label", { for: id }, spec.label), input);
    return { node, input, get: () => input.value, set: (value) => { input.value = value; } };
  },
  choice(spec, onInput) {
    const name = uniqueId();
    const inputs = spec.options.map((option) => h("input", { type: "radio", name, value: option, onchange: onInput }));
    const options = inputs.map((input) => h("label", { class: "course-option" }, input, input.value));
    const node = h("fieldset", { class: "course-control" }, h("legend", {}, spec.label), h("div", { class: "course-options" }, ...options));
    return {
      node, input: inputs[0],
      get: () => inputs.find((input) => input.checked)?.value,
      set: (value) => inputs.forEach((input) => { input.checked = input.value === value; }),
    };
  },
  toggle(spec, onInput) {
    const input = h("input", { type: "checkbox", onchange: onInput });
    const node = h("div", { class: "course-control" }, h("label", { class: "course-option" }, input, spec.label));
    return { node, input, get: () => input.checked, set: (value) => { input.checked = value; } };
  },
  button(spec, onInput) {
    let presses = 0;
    const input = h("button", { type: "button", onclick: () => { presses += 1; onInput(); } }, spec.label);
    const node = h("div", { class: "course-control" }, input);
    return { node, input, get: () => presses, set: (value) => { presses = value; } };
  },
  textbox(spec, onInput) {
    const id = uniqueId(), listId = uniqueId();
    let pause = null;
    const later = () => { clearTimeout(pause); pause = setTimeout(onInput, 150); };
    const input = h("input", {
      id, type: "text", maxlength: spec.longest, autocomplete: "off", spellcheck: "false", list: spec.suggestions.length ? listId : null,
      oninput: later,
      onkeydown: (event) => { if (event.key === "Enter") { clearTimeout(pause); onInput(); } },
    });
    const node = h("div", { class: "course-control course-control-wide" }, h("label", { for: id }, spec.label), input);
    if (spec.suggestions.length) node.append(h("datalist", { id: listId }, ...spec.suggestions.map((value) => h("option", { value }))));
    return { node, input, get: () => input.value, set: (value) => { if (input.value !== value) input.value = value; } };
  },
};

/** The whole of a live widget but its stage: controls, questions, errors. `show(shown, frame)` draws one answer. */
function renderLive(model, el, show) {
  const frame = buildFrame(model, el);
  const controls = model.get("_spec").controls.map((spec) => [spec.name, CONTROLS[spec.kind](spec, onInput)]);
  frame.controls.append(...controls.map(([, control]) => control.node));
  const python = askPython(model, frame, (shown) => show(shown, frame));
  function onInput() {
    python.ask({ question: Object.fromEntries(controls.map(([name, control]) => [name, control.get()])) });
  }
  function onValues() {
    // while the learner is ahead of Python, the controls are the learner's
    if (!python.isCalm()) return;
    const values = model.get("values");
    for (const [name, control] of controls) control.set(values[name]);
  }
  model.on("change:values", onValues);
  onValues();
  show(model.get("_shown"), frame);
  return () => { python.stop(); model.off("change:values", onValues); };
}

/** Bytes from Python as a typed array of `Type`, copied so that it is aligned. */
function unpack(view, Type) {
  return new Type(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength));
}

/** Paint a packed picture (height, width, rgb) on a canvas, a pixel for a pixel; CSS enlarges it. */
function paintPicture(canvas, picture) {
  const { height, width, rgb } = picture;
  const bytes = new Uint8Array(rgb.buffer, rgb.byteOffset, rgb.byteLength);
  const context = canvas.getContext("2d");
  if (canvas.width !== width || canvas.height !== height) { canvas.width = width; canvas.height = height; }
  const image = context.createImageData(width, height);
  for (let i = 0, j = 0; i < bytes.length; i += 3, j += 4) {
    image.data[j] = bytes[i]; image.data[j + 1] = bytes[i + 1]; image.data[j + 2] = bytes[i + 2]; image.data[j + 3] = 255;
  }
  context.putImageData(image, 0, 0);
}

/** A picture canvas, `size` CSS pixels along its longer side. */
function pictureCanvas(picture, alt, size) {
  const canvas = h("canvas", { class: "course-picture", role: "img", "aria-label": alt });
  if (picture) { paintPicture(canvas, picture); fit(canvas, size); }
  return canvas;
}

function fit(canvas, size) {
  const longer = Math.max(canvas.width, canvas.height);
  canvas.style.width = `${(size * canvas.width) / longer}px`;
  canvas.style.height = `${(size * canvas.height) / longer}px`;
}

/** A table from column names and rows of text; the first column holds the row's name where `named`. */
function buildTable({ columns, rows }, caption, named = true) {
  return h("div", { class: "course-scroll" }, h(
    "table", {}, h("caption", {}, caption),
    h("thead", {}, h("tr", {}, ...columns.map((name) => h("th", { scope: "col" }, name)))),
    h("tbody", {}, ...rows.map((row) => h("tr", {}, ...row.map((cell, i) => (
      named && i === 0 ? h("th", { scope: "row" }, cell) : h("td", {}, cell)))))),
  ));
}

// matplotlib's cividis at ten stops, mixed linearly between them
const CIVIDIS = [[0, 34, 78], [18, 53, 112], [59, 73, 108], [87, 93, 109], [112, 113, 115], [138, 134, 120], [165, 156, 116], [195, 179, 105], [225, 204, 85], [254, 232, 56]];

/** The colour of `share` (0 to 1) and the ink that is readable on it. */
function cividis(share) {
  const at = Math.min(Math.max(share, 0), 1) * (CIVIDIS.length - 1);
  const i = Math.min(Math.floor(at), CIVIDIS.length - 2);
  const rgb = CIVIDIS[i].map((low, k) => Math.round(low + (at - i) * (CIVIDIS[i + 1][k] - low)));
  return { colour: `rgb(${rgb.join(",")})`, ink: readableInk(rgb) };
}

/** Draw a waveform, [channels][samples] as one array, channel below channel; `share` (0 to 1) is where it is now. */
function drawWaveform(canvas, samples, channels, width, height, share = null) {
  const context = sharpContext(canvas, width, height);
  context.fillStyle = "#ffffff";
  context.fillRect(0, 0, width, height);
  const each = samples.length / channels, tall = height / channels;
  let loudest = 1e-9;
  for (const value of samples) loudest = Math.max(loudest, Math.abs(value));
  context.strokeStyle = "#009E73";
  context.beginPath();
  for (let c = 0; c < channels; c += 1) {
    for (let x = 0; x < width; x += 1) {
      let low = 0, high = 0;
      for (let i = Math.floor((x * each) / width); i < Math.floor(((x + 1) * each) / width); i += 1) {
        low = Math.min(low, samples[c * each + i]); high = Math.max(high, samples[c * each + i]);
      }
      const middle = (c + 0.5) * tall, scale = (0.46 * tall) / loudest;
      context.moveTo(x + 0.5, middle - high * scale - 0.5);
      context.lineTo(x + 0.5, middle - low * scale + 0.5);
    }
  }
  context.stroke();
  if (share !== null) { context.fillStyle = "#1f2933"; context.fillRect(share * width - 1, 0, 2, height); }
}

/** Samples of -1 to 1, [channels][samples] as one array, as the bytes of a WAV file. */
function wavBytes(samples, channels, rate) {
  const each = samples.length / channels, view = new DataView(new ArrayBuffer(44 + 2 * samples.length));
  const letters = (at, word) => [...word].forEach((letter, i) => view.setUint8(at + i, letter.charCodeAt(0)));
  letters(0, "RIFF"); view.setUint32(4, 36 + 2 * samples.length, true); letters(8, "WAVEfmt ");
  view.setUint32(16, 16, true); view.setUint16(20, 1, true); view.setUint16(22, channels, true);
  view.setUint32(24, rate, true); view.setUint32(28, 2 * channels * rate, true);
  view.setUint16(32, 2 * channels, true); view.setUint16(34, 16, true);
  letters(36, "data"); view.setUint32(40, 2 * samples.length, true);
  for (let i = 0; i < each; i += 1) {
    for (let c = 0; c < channels; c += 1) {
      const value = Math.max(-1, Math.min(1, samples[c * each + i]));
      view.setInt16(44 + 2 * (i * channels + c), Math.round(32767 * value), true);
    }
  }
  return view.buffer;
}

/** A packed sound (bytes, channels, rate) as its waveform and the browser's own player. Returns {node, audio, draw}. */
function soundPlayer(sound, alt) {
  const WIDTH = 420, HEIGHT = 90;
  const samples = unpack(sound.samples, Float32Array);
  const canvas = h("canvas", { role: "img", "aria-label": alt, style: `width:${WIDTH}px` });
  const file = new Blob([wavBytes(samples, sound.channels, sound.rate)], { type: "audio/wav" });
  const audio = h("audio", { controls: true, preload: "metadata", "aria-label": alt, src: URL.createObjectURL(file) });
  const draw = () => drawWaveform(canvas, samples, sound.channels, WIDTH, HEIGHT, audio.duration ? audio.currentTime / audio.duration : null);
  audio.addEventListener("timeupdate", draw);
  return { node: h("div", { class: "course-sound" }, canvas, audio), audio, draw };
}

/** Black or white, whichever has more contrast on the colour (WCAG's relative luminance). */
function readableInk(rgb) {
  const [r, g, b] = rgb.map((part) => (part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.179 ? "#000000" : "#ffffff";
}

/** Run `redraw` when the notebook changes between light and dark. Returns a function that stops it. */
function onTheme(redraw) {
  const observer = new MutationObserver(redraw);
  observer.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light", "data-jp-theme-name"] });
  return () => observer.disconnect();
}

/** Give a canvas the pixels of the screen for a width and a height in CSS pixels; returns a context in CSS pixels. */
function sharpContext(canvas, width, height) {
  const ratio = window.devicePixelRatio || 1;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    canvas.style.aspectRatio = `${width} / ${height}`;
  }
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  return context;
}
