// JointMap: points, thumbnails and neighbour lines on a canvas. No Python once shown.

const HEIGHT = 420;
const THUMB = 30;

/** Draw one point of a modality: the same shape as matplotlib's marker of that letter. */
function drawMarker(context, marker, x, y, size) {
  context.beginPath();
  if (marker === "o") context.arc(x, y, size, 0, 2 * Math.PI);
  else if (marker === "s") context.rect(x - 0.9 * size, y - 0.9 * size, 1.8 * size, 1.8 * size);
  else {
    const corners = {
      "^": [[0, -1.2], [1.1, 0.9], [-1.1, 0.9]],
      D: [[0, -1.3], [1.3, 0], [0, 1.3], [-1.3, 0]],
      P: [[-0.4, -1.2], [0.4, -1.2], [0.4, -0.4], [1.2, -0.4], [1.2, 0.4], [0.4, 0.4], [0.4, 1.2], [-0.4, 1.2], [-0.4, 0.4], [-1.2, 0.4], [-1.2, -0.4], [-0.4, -0.4]],
      X: [[0, -0.5], [0.7, -1.2], [1.2, -0.7], [0.5, 0], [1.2, 0.7], [0.7, 1.2], [0, 0.5], [-0.7, 1.2], [-1.2, 0.7], [-0.5, 0], [-1.2, -0.7], [-0.7, -1.2]],
    }[marker];
    corners.forEach(([dx, dy], i) => context[i ? "lineTo" : "moveTo"](x + dx * size, y + dy * size));
    context.closePath();
  }
}

function render({ model, el }) {
  const spec = model.get("_spec"), data = model.get("_data");
  const frame = buildFrame(model, el);
  const { labels, modalities, colours, markers } = spec;
  const n = labels.length;
  const names = Object.keys(colours);
  const start = unpack(data.positions, Float32Array);
  const positions = Float32Array.from(start);
  const similarities = data.similarities && unpack(data.similarities, Float32Array);
  const embeddings = data.embeddings && unpack(data.embeddings, Float32Array);
  const thumbs = new Map(data.pictures.map((picture) => {
    const canvas = document.createElement("canvas");
    paintPicture(canvas, picture);
    return [picture.point, canvas];
  }));

  // ---- what is near
  const width = embeddings ? embeddings.length / n : 0;
  const norms = embeddings && Float32Array.from({ length: n }, (_, i) => Math.hypot(...embeddings.subarray(i * width, (i + 1) * width)) || 1);
  function score(i, j) {
    if (similarities) return similarities[i * n + j];
    if (embeddings) {
      let sum = 0;
      for (let k = 0; k < width; k += 1) sum += embeddings[i * width + k] * embeddings[j * width + k];
      return sum / (norms[i] * norms[j]);
    }
    return -Math.hypot(positions[2 * i] - positions[2 * j], positions[2 * i + 1] - positions[2 * j + 1]);
  }
  function nearest(i) {
    const others = [];
    for (let j = 0; j < n; j += 1) {
      if (j !== i && shown.has(modalities[j]) && !(across.checked && modalities[j] === modalities[i])) others.push([j, score(i, j)]);
    }
    others.sort((a, b) => b[1] - a[1]);
    // of more than two modalities the best of each: one of them may lie nearer as a whole, and would fill the list
    const groups = names.length > 2 ? names.map((name) => others.filter(([j]) => modalities[j] === name)) : [others];
    return groups.flatMap((group) => group.slice(0, spec.neighbours).map(([j, value], rank) => [j, value, rank]));
  }

  // ---- sound
  const sounds = new Map(data.sounds.map(({ point, channels, samples }) => {
    const values = unpack(samples, Float32Array), length = values.length / channels;
    return [point, Array.from({ length: channels }, (_, c) => values.subarray(c * length, (c + 1) * length))];
  }));
  let audio = null;
  function playChosen() {
    const channels = sounds.get(chosen);
    if (!channels) return;
    // a browser allows sound only after a press, so the context is made at the first
    audio = audio ?? new AudioContext();
    const buffer = audio.createBuffer(channels.length, channels[0].length, spec.sampleRate);
    channels.forEach((channel, c) => buffer.copyToChannel(channel, c));
    const source = audio.createBufferSource();
    source.buffer = buffer;
    source.connect(audio.destination);
    source.start();
    frame.root.dataset.played = labels[chosen];
  }

  // ---- elements
  const shown = new Set(names);
  const canvas = h("canvas", { role: "img" });
  const hintId = uniqueId(), selectId = uniqueId();
  const map = h("div", { class: "course-map", tabindex: 0, role: "application", "aria-roledescription": "map", "aria-label": "map of the points", "aria-describedby": hintId }, canvas);
  const select = h("select", { id: selectId, style: "max-width:100%", onchange: () => choose(Number(select.value)) },
    ...names.map((name) => h("optgroup", { label: name }, ...labels.flatMap((label, i) => (
      modalities[i] === name ? [h("option", { value: i }, label)] : [])))));
  const across = h("input", { type: "checkbox", onchange: () => choose(chosen) });
  across.checked = names.length > 1;
  const nearTitle = h("p", { class: "course-label" }), nearLists = h("div");
  const play = h("button", { type: "button", onclick: playChosen }, "Play its sound");
  const press = (label, words, action) => h("button", { type: "button", "aria-label": words, title: words, onclick: action }, label);
  const side = h("div", { class: "course-near" },
    h("div", { class: "course-control" }, h("label", { for: selectId }, "Point"), select),
    names.length > 1 ? h("label", { class: "course-option" }, across, "other modalities only") : "",
    sounds.size ? h("div", { class: "course-buttons" }, play) : "",
    nearTitle, nearLists);
  const key = h("div", { class: "course-key" }, ...names.map((name) => {
    const sample = h("canvas", { style: "display:inline-block;vertical-align:-2px;margin-right:0.35em", width: 14, height: 14, "aria-hidden": "true" });
    const context = sample.getContext("2d");
    context.fillStyle = colours[name];
    drawMarker(context, markers[name], 7, 7, 5);
    context.fill();
    if (names.length < 3) return h("span", {}, sample, name);
    const box = h("input", { type: "checkbox", onchange: () => {
      if (box.checked) shown.add(name); else shown.delete(name);
      choose(chosen);
    } });
    box.checked = true;
    return h("label", { class: "course-option" }, box, sample, name);
  }));
  frame.stage.append(h("div", { class: "course-row" }, map, side), key, h("div", { class: "course-buttons" },
    press("+", "zoom in", () => zoom(1.25)), press("−", "zoom out", () => zoom(0.8)),
    press("Fit", "fit the map", () => { fitMap(); draw(); }),
    press("Put points back", "put all points back", () => { positions.set(start); choose(chosen); })),
  h("p", { class: "course-note", id: hintId }, "With the map in focus: arrow keys move the chosen point, shift and arrow keys move the map, + and − zoom, 0 fits the map."));
  frame.text.className = "course-hidden";

  // ---- map coordinates: y grows upwards, as in a figure
  let chosen = spec.chosen, near = [], wide = 600;
  // what was chosen stays in sight, even if its modality is taken off the map
  const inSight = (i) => i === chosen || shown.has(modalities[i]);
  const eye = { x: 0, y: 0, scale: 1 };
  const toX = (i) => wide / 2 + (positions[2 * i] - eye.x) * eye.scale;
  const toY = (i) => HEIGHT / 2 - (positions[2 * i + 1] - eye.y) * eye.scale;

  function fitMap() {
    let [lowX, highX, lowY, highY] = [Infinity, -Infinity, Infinity, -Infinity];
    for (let i = 0; i < n; i += 1) {
      lowX = Math.min(lowX, positions[2 * i]); highX = Math.max(highX, positions[2 * i]);
      lowY = Math.min(lowY, positions[2 * i + 1]); highY = Math.max(highY, positions[2 * i + 1]);
    }
    eye.x = (lowX + highX) / 2;
    eye.y = (lowY + highY) / 2;
    eye.scale = Math.min((wide - 80) / (highX - lowX || 1), (HEIGHT - 80) / (highY - lowY || 1));
  }
  function zoom(factor, x = wide / 2, y = HEIGHT / 2) {
    // what is under the pointer stays there
    eye.x += ((x - wide / 2) / eye.scale) * (1 - 1 / factor);
    eye.y -= ((y - HEIGHT / 2) / eye.scale) * (1 - 1 / factor);
    eye.scale *= factor;
    draw();
  }

  function draw() {
    const style = getComputedStyle(frame.root);
    const ink = style.getPropertyValue("--ink"), paper = style.getPropertyValue("--paper"), line = style.getPropertyValue("--line");
    const context = sharpContext(canvas, wide, HEIGHT);
    context.fillStyle = paper;
    context.fillRect(0, 0, wide, HEIGHT);
    context.imageSmoothingEnabled = false;

    context.strokeStyle = line;
    context.globalAlpha = 0.45;
    context.lineWidth = 1;
    context.beginPath();
    for (const [i, j] of spec.pairs) if (inSight(i) && inSight(j)) { context.moveTo(toX(i), toY(i)); context.lineTo(toX(j), toY(j)); }
    context.stroke();
    context.globalAlpha = 1;

    context.strokeStyle = ink;
    near.forEach(([j, , rank]) => {
      if (names.length > 2) context.strokeStyle = colours[modalities[j]];
      context.lineWidth = Math.max(1, 3.5 - 0.6 * rank);
      context.beginPath();
      context.moveTo(toX(chosen), toY(chosen));
      context.lineTo(toX(j), toY(j));
      context.stroke();
    });

    const marked = new Set([chosen, ...near.map(([j]) => j)]);
    // the chosen point and its neighbours on top
    const order = [...Array(n).keys()].filter((i) => !marked.has(i) && inSight(i)).concat(near.map(([j]) => j).reverse(), [chosen]);
    for (const i of order) {
      const x = toX(i), y = toY(i);
      if (x < -40 || y < -40 || x > wide + 40 || y > HEIGHT + 40) continue;
      const thumb = thumbs.get(i);
      if (thumb) {
        const half = THUMB / 2;
        context.drawImage(thumb, x - half, y - half, THUMB, THUMB);
        context.strokeStyle = colours[modalities[i]];
        context.lineWidth = 2;
        context.strokeRect(x - half, y - half, THUMB, THUMB);
      } else {
        context.fillStyle = colours[modalities[i]];
        drawMarker(context, markers[modalities[i]], x, y, 6);
        context.fill();
        context.strokeStyle = paper;
        context.lineWidth = 1;
        context.stroke();
      }
      if (i === chosen) {
        context.strokeStyle = ink;
        context.lineWidth = 3;
        context.beginPath();
        context.arc(x, y, thumb ? THUMB * 0.8 : 12, 0, 2 * Math.PI);
        context.stroke();
      }
    }
    context.textAlign = "center";
    context.textBaseline = "middle";
    const [x, y] = [toX(chosen), toY(chosen)];
    const short = labels[chosen].length > 48 ? `${labels[chosen].slice(0, 47)}…` : labels[chosen];
    context.font = "600 13px system-ui, sans-serif";
    const half = context.measureText(short).width / 2 + 6;
    const below = thumbs.has(chosen) ? THUMB : 22;
    const labelX = Math.min(Math.max(x, half), wide - half), labelY = y + below > HEIGHT - 12 ? y - below : y + below;
    // a rim of paper keeps the label readable over lines and points
    context.strokeStyle = paper;
    context.lineWidth = 4;
    context.lineJoin = "round";
    context.strokeText(short, labelX, labelY);
    context.fillStyle = ink;
    context.fillText(short, labelX, labelY);
    context.font = "600 12px system-ui, sans-serif";
    near.forEach(([j, , rank]) => {
      // the rank stands behind the neighbour, away from the chosen point
      const [dx, dy] = [toX(j) - x, toY(j) - y];
      const length = Math.hypot(dx, dy) || 1;
      const away = thumbs.has(j) ? THUMB * 0.85 : 16;
      const [rankX, rankY] = [toX(j) + (dx / length) * away, toY(j) + (dy / length) * away];
      context.fillStyle = ink;
      context.beginPath();
      context.arc(rankX, rankY, 8, 0, 2 * Math.PI);
      context.fill();
      context.fillStyle = paper;
      context.fillText(String(rank + 1), rankX, rankY);
    });
    frame.drawn();
  }

  const unit = similarities || embeddings ? "similarity" : "distance";
  function choose(i) {
    chosen = i;
    near = nearest(i);
    select.value = String(i);
    nearTitle.textContent = `Nearest, by ${unit}:`;
    play.disabled = !sounds.has(i);
    const item = ([j, value]) => h("li", {}, `${labels[j]} `, h("span", { class: "course-id" }, `(${Math.abs(value) < 0.0005 ? "0.000" : (unit === "distance" ? -value : value).toFixed(3)})`));
    nearLists.replaceChildren(...(names.length > 2 ? names : [null]).flatMap((name) => {
      const group = near.filter(([j]) => name === null || modalities[j] === name);
      if (!group.length) return [];
      const list = h("ol", { "aria-label": name && `nearest of modality ${name}` }, ...group.map(item));
      return name === null ? [list] : [h("p", { class: "course-note" }, name), list];
    }));
    const first = near.length ? `nearest: ${near.map(([j]) => labels[j]).join("; ")}` : "no neighbours";
    canvas.setAttribute("aria-label", `Map of ${n} points. Chosen: ${labels[i]}, ${modalities[i]}; ${first}.`);
    frame.say(`${labels[i]}, ${modalities[i]}; ${first}`);
    draw();
  }
  function moveChosen(dx, dy) {
    positions[2 * chosen] += dx / eye.scale;
    positions[2 * chosen + 1] -= dy / eye.scale;
    if (unit === "distance") choose(chosen);
    else draw();
  }

  // ---- pointer: a point, or the ground
  let grip = null;
  const at = (event) => {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  function pointAt(x, y) {
    let best = -1, closest = 18;
    for (let i = 0; i < n; i += 1) {
      if (!inSight(i)) continue;
      const distance = Math.hypot(toX(i) - x, toY(i) - y);
      if (distance < closest || (distance === closest && i === chosen)) { best = i; closest = distance; }
    }
    return best;
  }
  canvas.addEventListener("pointerdown", (event) => {
    const [x, y] = at(event);
    const point = pointAt(x, y);
    if (point >= 0) choose(point);
    grip = { x, y, point };
    canvas.setPointerCapture(event.pointerId);
    canvas.style.cursor = "grabbing";
  });
  canvas.addEventListener("pointermove", (event) => {
    const [x, y] = at(event);
    if (grip === null) {
      const point = pointAt(x, y);
      canvas.style.cursor = point >= 0 ? "pointer" : "grab";
      canvas.title = point >= 0 ? labels[point] : "";
      return;
    }
    if (grip.point >= 0) moveChosen(x - grip.x, y - grip.y);
    else { eye.x -= (x - grip.x) / eye.scale; eye.y += (y - grip.y) / eye.scale; draw(); }
    grip.x = x;
    grip.y = y;
  });
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => { grip = null; canvas.style.cursor = "grab"; });
  canvas.addEventListener("wheel", (event) => {
    // a page that scrolls must not get stuck on the map
    if (!event.ctrlKey && document.activeElement !== map) return;
    event.preventDefault();
    zoom(Math.exp(-event.deltaY / 400), ...at(event));
  }, { passive: false });

  const STEPS = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };
  map.addEventListener("keydown", (event) => {
    if (STEPS[event.key]) {
      const [dx, dy] = STEPS[event.key].map((part) => part * 10);
      if (event.shiftKey) { eye.x += dx / eye.scale; eye.y -= dy / eye.scale; draw(); } else moveChosen(dx, dy);
    } else if (event.key === "+" || event.key === "=") zoom(1.25);
    else if (event.key === "-") zoom(0.8);
    else if (event.key === "0") { fitMap(); draw(); } else return;
    event.preventDefault();
  });

  const resized = new ResizeObserver(() => {
    const now = Math.round(map.clientWidth);
    if (now > 0 && now !== wide) { wide = now; fitMap(); draw(); }
  });
  resized.observe(map);
  const stopTheme = onTheme(draw);
  fitMap();
  choose(spec.chosen);
  return () => { resized.disconnect(); stopTheme(); if (audio) audio.close(); };
}

export default { render };
