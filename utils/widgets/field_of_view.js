// FieldOfView: what one place of a picture sees, through each encoder. No Python once shown.

const LARGE = 224; // CSS pixels a side

function render({ model, el }) {
  const spec = model.get("_spec");
  const frame = buildFrame(model, el);
  const { rows, columns, picture } = spec;
  const { height, width } = picture;
  const rgb = new Uint8Array(picture.rgb.buffer, picture.rgb.byteOffset, picture.rgb.byteLength);
  const depth = spec.encoders[0].layers.length;
  const encoders = spec.encoders.map((encoder) => ({ ...encoder, views: unpack(encoder.views, Float32Array) }));
  let place = [Math.min(1, rows - 1), Math.min(1, columns - 1)];

  const layer = buildSlider({ label: "Layer", low: 1, high: depth, step: 1 }, draw);
  layer.set(depth);
  frame.controls.append(layer.node);
  const hintId = uniqueId();
  const panels = encoders.map((encoder) => {
    const canvas = h("canvas", { class: "course-picture", role: "img", width, height, style: `width:${LARGE}px;height:${LARGE}px;touch-action:none;cursor:crosshair` });
    const label = h("p", { class: "course-label" });
    const follow = (event) => {
      const box = canvas.getBoundingClientRect();
      const at = (position, size, count) => Math.min(count - 1, Math.max(0, Math.floor((position / size) * count)));
      choose([at(event.clientY - box.top, box.height, rows), at(event.clientX - box.left, box.width, columns)]);
    };
    canvas.addEventListener("pointermove", follow);
    canvas.addEventListener("pointerdown", follow);
    return { encoder, canvas, label };
  });
  const places = h(
    "div", { class: "course-row", tabindex: 0, role: "application", "aria-roledescription": "places of a picture", "aria-label": "the picture, through each encoder", "aria-describedby": hintId },
    ...panels.map(({ canvas, label }) => h("div", {}, label, canvas)),
  );
  places.addEventListener("keydown", (event) => {
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (!step) return;
    event.preventDefault();
    choose([Math.min(rows - 1, Math.max(0, place[0] + step[0])), Math.min(columns - 1, Math.max(0, place[1] + step[1]))]);
  });
  frame.stage.append(
    places,
    h("p", { class: "course-note", id: hintId }, "The frame is the place. Bright: pixels whose change would change it; dark: pixels that it cannot see."),
  );

  function choose(next) {
    if (next[0] !== place[0] || next[1] !== place[1]) { place = next; draw(); }
  }

  function draw() {
    const number = layer.get() - 1;
    const seen = panels.map(({ encoder, canvas, label }) => {
      const name = encoder.layers[number];
      const start = ((number * rows + place[0]) * columns + place[1]) * height * width;
      const image = canvas.getContext("2d").createImageData(width, height);
      let bright = 0;
      for (let i = 0; i < height * width; i += 1) {
        const share = encoder.views[start + i];
        const light = 0.15 + 0.85 * Math.sqrt(share);
        bright += share > 0.01;
        for (let k = 0; k < 3; k += 1) image.data[4 * i + k] = rgb[3 * i + k] * light;
        image.data[4 * i + 3] = 255;
      }
      const context = canvas.getContext("2d");
      context.putImageData(image, 0, 0);
      const [top, left] = [(place[0] * height) / rows, (place[1] * width) / columns];
      context.strokeStyle = "#0072b2";
      context.strokeRect(left + 0.5, top + 0.5, width / columns - 1, height / rows - 1);
      label.textContent = `${encoder.name}, ${name}`;
      const words = `${encoder.name} after ${name}: ${Math.round((100 * bright) / (height * width))} % of the picture`;
      canvas.setAttribute("aria-label", `${words} seen from row ${place[0] + 1}, column ${place[1] + 1}`);
      return words;
    });
    frame.say(`Seen, by more than a hundredth of the strongest pixel: ${seen.join("; ")}.`);
    frame.drawn();
  }
  draw();
}

export default { render };
