// SearchCost: who has to read whom, as a picture and as numbers. No Python once shown.

const COLUMNS = 14, ROWS = 7; // pictures and searches that are drawn; of more, so many
const CELL = 11; // CSS pixels
const PANEL = 216, TALL = 214, BARS = 22;

/** A range input over a few round numbers: {node, get, set}. */
function buildRoundSlider(label, values, start, onInput) {
  const id = uniqueId();
  const output = h("output", { for: id });
  const input = h("input", { id, type: "range", min: 0, max: values.length - 1, step: 1, value: values.indexOf(start), oninput: () => { announce(); onInput(); } });
  const get = () => values[Number(input.value)];
  function announce() {
    output.textContent = get().toLocaleString("en");
    input.setAttribute("aria-valuetext", get().toLocaleString("en"));
  }
  announce();
  const node = h("div", { class: "course-control course-control-wide" }, h("div", {}, h("label", { for: id }, label), output), input);
  return { node, get };
}

/** Milliseconds in the unit that people would say. */
function duration(ms) {
  const units = [["ms", 1], ["s", 1e3], ["min", 6e4], ["hours", 3.6e6], ["days", 8.64e7], ["years", 3.156e10]];
  let [name, size] = units[0];
  for (const [next, length] of units) if (ms >= length) [name, size] = [next, length];
  return `${Number((ms / size).toPrecision(2)).toLocaleString("en")} ${name}`;
}

function render({ model, el }) {
  const spec = model.get("_spec");
  const frame = buildFrame(model, el);
  const labels = { pictures: "Pictures in the gallery", searches: "Searches", kept: "Pictures kept for the cross-encoder" };
  const sliders = Object.fromEntries(Object.entries(labels).map(([name, label]) => [name, buildRoundSlider(label, spec.choices[name], spec.start[name], draw)]));
  frame.controls.append(...Object.values(sliders).map(({ node }) => node));
  const width = 3 * PANEL;
  const canvas = h("canvas", { role: "img", style: `width:${width}px;max-width:100%` });
  frame.stage.append(
    h("div", { class: "course-scroll" }, canvas),
    h("p", { class: "course-note" }, "Blue: a tower reads by itself. Dark: a pair is read together. The bars are on a logarithmic scale."),
  );

  /** The ways of searching: how often a tower runs, how often a pair is read, and how long all of it takes. */
  function ways(pictures, searches, kept) {
    const towers = pictures + searches, pairs = pictures * searches, read = searches * Math.min(kept, pictures);
    const compared = spec.compare * pairs;
    return [
      { name: "two towers", towers, pairs: 0, kept: 0, time: spec.encode * towers + compared },
      { name: "cross-encoder", towers: 0, pairs, kept: pictures, time: spec.read * pairs },
      { name: "towers, then cross-encoder", towers, pairs: read, kept, time: spec.encode * towers + compared + spec.read * read },
    ];
  }

  function draw() {
    const pictures = sliders.pictures.get(), searches = sliders.searches.get(), kept = sliders.kept.get();
    const style = getComputedStyle(frame.root);
    const ink = style.getPropertyValue("--ink"), line = style.getPropertyValue("--line"), accent = style.getPropertyValue("--accent");
    const found = ways(pictures, searches, kept);
    const columns = Math.min(pictures, COLUMNS), rows = Math.min(searches, ROWS);
    const most = Math.log10(Math.max(...found.map((way) => way.towers + way.pairs)) + 1);
    const context = sharpContext(canvas, width, TALL);
    context.clearRect(0, 0, width, TALL);
    context.font = "13px system-ui, sans-serif";
    found.forEach((way, i) => {
      const left = i * PANEL, top = 46;
      context.fillStyle = ink;
      context.fillText(way.name, left, 14);
      // the margins: what a tower encodes by itself
      for (let c = 0; c < columns; c += 1) cell(left + (c + 1.4) * CELL, top - 1.4 * CELL, way.towers > 0);
      for (let r = 0; r < rows; r += 1) cell(left, top + r * CELL, way.towers > 0);
      // the inside: what is read in pairs; which pictures a search keeps differs from search to search
      for (let r = 0; r < rows; r += 1) {
        for (let c = 0; c < columns; c += 1) {
          const place = (c * 5 + r * 3) % columns;
          cell(left + (place + 1.4) * CELL, top + r * CELL, c < way.kept, true);
        }
      }
      context.fillStyle = ink;
      const bottom = top + ROWS * CELL;
      context.fillText(pictures > columns ? `${columns} of ${pictures.toLocaleString("en")} pictures` : `${pictures} pictures`, left + 1.4 * CELL, bottom + 16);
      const count = way.towers + way.pairs;
      context.fillStyle = accent;
      context.fillRect(left, bottom + 26, ((PANEL - 24) * Math.log10(count + 1)) / most, BARS);
      context.strokeStyle = line;
      context.strokeRect(left + 0.5, bottom + 26.5, PANEL - 25, BARS - 1);
      context.fillStyle = ink;
      context.fillText(`${count.toLocaleString("en")} runs`, left, bottom + 26 + BARS + 16);
      context.fillText(`about ${duration(way.time)}`, left, bottom + 26 + BARS + 33);
    });

    function cell(x, y, runs, isPair = false) {
      context.fillStyle = runs ? (isPair ? ink : accent) : "transparent";
      context.fillRect(x, y, CELL - 2, CELL - 2);
      context.strokeStyle = line;
      context.strokeRect(x + 0.5, y + 0.5, CELL - 3, CELL - 3);
    }

    const [towers, cross, both] = found;
    const number = (value) => value.toLocaleString("en");
    canvas.setAttribute("aria-label",
      `three grids of searches by pictures with bars below, on a logarithmic scale: two towers fill only the margins, a cross-encoder every cell, and both in turn the margins and ${number(Math.min(kept, pictures))} cells a row`);
    frame.say(
      `Two towers: ${number(towers.towers)} runs, about ${duration(towers.time)}. Cross-encoder: ${number(cross.pairs)} pairs, about ${duration(cross.time)}. ` +
      `Towers, then cross-encoder: ${number(both.towers)} runs and ${number(both.pairs)} pairs, about ${duration(both.time)}.`,
    );
    frame.drawn();
  }
  draw();
  return onTheme(draw);
}

export default { render };
