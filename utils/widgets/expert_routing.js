// ExpertRouting: the squares of a picture and its words, each with its experts, and how full these are. No Python once shown.

const SIDE = 224, WIDTH = 520, ROW = 30, LEFT = 76, RIGHT = 16, FOOT = 24;
const IMAGE = "<image>";

function render({ model, el }) {
  const { experts, layers, models, colours, texts } = model.get("_spec");
  const topK = texts[0].chosen[0][0][0].length;
  const choices = topK * texts.reduce((sum, text) => sum + text.words.length, 0);
  const most = experts / topK; // with this much room an expert could take every token
  const frame = buildFrame(model, el);

  const which = CONTROLS.select({ label: "Model", options: models }, draw);
  const layer = CONTROLS.select({ label: "Layer", options: layers }, draw);
  const text = CONTROLS.select({ label: "Text", options: texts.map(({ name }) => name) }, draw);
  text.input.style.maxWidth = "20rem";
  const room = buildSlider({ label: "Room for each expert", low: 0.5, high: most, step: 0.05, unit: "fair shares" }, draw);
  layer.set(layers[layers.length - 1]);
  room.set(most);
  if (models.length > 1) frame.controls.append(which.node);
  if (layers.length > 1) frame.controls.append(layer.node);
  frame.controls.append(text.node, room.node);

  const canvas = h("canvas", { role: "img", style: `width:${SIDE}px;border-radius:0.25rem` });
  const list = h("ul", { class: "course-tokens", "aria-label": "words with their experts" });
  const bars = h("canvas", { role: "img", style: `width:${WIDTH}px;margin-top:0.75rem` });
  const key = h("p", { class: "course-note" }, "Hatched: squares of pictures. Full: words. Outlined: dropped. The line: where the room ends.");
  frame.stage.append(
    h("div", { class: "course-row" }, canvas, h("div", { class: "course-grow" }, list)), bars, key,
  );

  const ink = (expert) => cividis(experts > 1 ? expert / (experts - 1) : 0);

  /** The choices of all texts in reading order: who is served, and the loads by kind of token. */
  function send() {
    const m = models.indexOf(which.get()), l = layers.indexOf(layer.get());
    // a hair less, so that 1.1 times 10 is not more than 11
    const places = Math.ceil((room.get() * choices) / experts - 1e-9);
    const loads = Array.from({ length: experts }, () => ({ image: 0, text: 0, dropped: 0 }));
    const lost = { image: 0, text: 0 };
    const served = texts.map(({ words, chosen }) => words.map((word, i) => chosen[m][l][i].map((expert) => {
      const kind = word === IMAGE ? "image" : "text", load = loads[expert];
      const fits = load.image + load.text < places;
      if (fits) load[kind] += 1;
      else { load.dropped += 1; lost[kind] += 1; }
      return { expert, fits };
    })));
    return { places, loads, lost, served };
  }

  /** "1" and "3", the ones without room struck out. */
  const marks = (row) => row.flatMap(({ expert, fits }, i) => [
    ...(i ? [" · "] : []), fits ? String(expert + 1) : h("s", {}, String(expert + 1)),
  ]);
  const inWords = (row) => row.map(({ expert, fits }) => `expert ${expert + 1}${fits ? "" : ", no room"}`).join(" and ");

  function drawPicture(at, served) {
    const squares = served.filter((_, i) => texts[at].words[i] === IMAGE);
    const side = Math.round(Math.sqrt(squares.length)), cell = SIDE / side;
    const small = document.createElement("canvas");
    paintPicture(small, texts[at].picture);
    const context = sharpContext(canvas, SIDE, SIDE);
    context.imageSmoothingEnabled = false;
    context.drawImage(small, 0, 0, SIDE, SIDE);
    context.font = "600 13px system-ui, sans-serif";
    context.textBaseline = "top";
    squares.forEach((row, i) => {
      const x = (i % side) * cell, y = Math.floor(i / side) * cell;
      const { colour } = ink(row[0].expert);
      context.strokeStyle = colour;
      context.lineWidth = 4;
      context.setLineDash(row.some(({ fits }) => fits) ? [] : [6, 5]);
      context.strokeRect(x + 3, y + 3, cell - 6, cell - 6);
      context.setLineDash([]);
      const label = row.map(({ expert, fits }) => (fits ? expert + 1 : "full")).join(" · ");
      context.fillStyle = "#000000";
      context.fillRect(x + 5, y + 5, context.measureText(label).width + 10, 20);
      context.fillStyle = "#ffffff";
      context.fillText(label, x + 10, y + 9);
    });
    const told = squares.map((row, i) => `square ${i + 1} goes to ${inWords(row)}`).join("; ");
    canvas.setAttribute("aria-label", `the picture in ${squares.length} squares: ${told}`);
  }

  function drawWords(at, served) {
    list.replaceChildren(...texts[at].words.flatMap((word, i) => {
      if (word === IMAGE) return [];
      const { colour, ink: onColour } = ink(served[i][0].expert);
      const none = served[i].every(({ fits }) => !fits);
      return [h("li", {
        style: none ? "border-style:dashed" : `background:${colour};color:${onColour}`,
      }, word, h("span", { style: "display:block;font-size:0.75rem" }, ...marks(served[i])))];
    }));
  }

  function drawBars({ places, loads }) {
    const style = getComputedStyle(frame.root);
    const dark = style.getPropertyValue("--ink"), line = style.getPropertyValue("--line");
    const height = experts * ROW + FOOT;
    const longest = Math.max(...loads.map((load) => load.image + load.text + load.dropped), (choices / experts) * 1.2);
    const scale = (WIDTH - LEFT - RIGHT) / longest;
    const context = sharpContext(bars, WIDTH, height);
    context.clearRect(0, 0, WIDTH, height);
    context.font = "12px system-ui, sans-serif";
    context.textBaseline = "middle";
    loads.forEach((load, expert) => {
      const y = expert * ROW + 4, tall = ROW - 8;
      context.fillStyle = dark;
      context.textAlign = "right";
      context.fillText(`expert ${expert + 1}`, LEFT - 8, y + tall / 2);
      let x = LEFT;
      context.fillStyle = colours[0];
      context.fillRect(x, y, load.image * scale, tall);
      context.save();
      context.beginPath(); context.rect(x, y, load.image * scale, tall); context.clip();
      context.strokeStyle = "#ffffff";
      context.lineWidth = 1.5;
      for (let d = -tall; d < load.image * scale; d += 8) {
        context.beginPath(); context.moveTo(x + d, y + tall); context.lineTo(x + d + tall, y); context.stroke();
      }
      context.restore();
      x += load.image * scale;
      context.fillStyle = colours[1];
      context.fillRect(x, y, load.text * scale, tall);
      x += load.text * scale;
      context.strokeStyle = dark;
      context.lineWidth = 1;
      context.setLineDash([3, 3]);
      if (load.dropped) context.strokeRect(x + 0.5, y + 0.5, load.dropped * scale - 1, tall - 1);
      context.setLineDash([]);
    });
    const end = LEFT + places * scale;
    if (end <= WIDTH - RIGHT + 1) {
      context.strokeStyle = dark;
      context.lineWidth = 2;
      context.beginPath(); context.moveTo(end, 0); context.lineTo(end, experts * ROW); context.stroke();
    }
    context.strokeStyle = line;
    context.fillStyle = dark;
    context.textAlign = "left";
    context.fillText("choices of the tokens of all texts", LEFT, height - 8);
    const told = loads.map((load, i) => `expert ${i + 1} serves ${load.image} of squares and ${load.text} of words, and drops ${load.dropped}`);
    bars.setAttribute("aria-label", told.join("; "));
  }

  function draw() {
    const at = texts.findIndex(({ name }) => name === text.get());
    const sent = send();
    drawPicture(at, sent.served[at]);
    drawWords(at, sent.served[at]);
    drawBars(sent);
    const favourite = (kind) => {
      const counts = sent.loads.map((load) => load[kind]);
      const all = counts.reduce((sum, count) => sum + count, 0);
      const best = counts.indexOf(Math.max(...counts));
      return all ? `expert ${best + 1} (${Math.round((100 * counts[best]) / all)} %)` : "none";
    };
    const percent = Math.round((100 * (sent.lost.image + sent.lost.text)) / choices);
    frame.say(
      `${which.get()}, ${layer.get()}: squares go most to ${favourite("image")}, words to ${favourite("text")}. `
      + `Room for ${sent.places} choices in each expert: ${percent} % dropped, ${sent.lost.image} of squares and ${sent.lost.text} of words.`,
    );
    frame.drawn();
  }
  which.set(models[0]);
  text.set(texts[0].name);
  draw();
  return onTheme(draw);
}

export default { render };
