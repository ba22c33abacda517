// ModelCatalogue: a search field, two filters and a table that sorts; below it, what is known of one system. No Python.

/** Small letters without accents, so that what is typed need not be exact. */
function folded(text) {
  return text.normalize("NFKD").replace(/\p{Diacritic}/gu, "").toLowerCase();
}

const ALL = "all";
const COLUMNS = [["name", "System"], ["maker", "Maker"], ["date", "Date"], ["family", "Family"], ["parameters", "Parameters"]];

function render({ model, el }) {
  const { systems, missing } = model.get("_spec");
  const frame = buildFrame(model, el);
  const searchId = uniqueId();
  const sorted = { by: "date", down: false };
  let chosen = systems[0].name;

  const words = (text) => (text ? text : h("span", { class: "course-missing" }, missing));
  const input = h("input", { id: searchId, type: "search", autocomplete: "off", spellcheck: "false", oninput: update });
  const family = filter("Family", "family");
  const maker = filter("Maker", "maker");
  frame.controls.append(
    h("div", { class: "course-control course-control-wide" }, h("label", { for: searchId }, "Search"), input),
    family.node, maker.node,
  );

  function filter(label, field) {
    const names = [...new Set(systems.map((system) => system[field] || missing))].sort((one, other) => one.localeCompare(other));
    return CONTROLS.select({ label, options: [ALL, ...names] }, update);
  }

  const heads = COLUMNS.map(([field, label]) => h("th", { scope: "col" }, h("button", { type: "button", onclick: () => sort(field) }, label)));
  const rows = new Map(systems.map((system) => {
    const open = h("button", { type: "button", onclick: () => { chosen = system.name; update(); } }, system.name);
    const node = h("tr", {},
      h("th", { scope: "row" }, open), h("td", {}, system.maker), h("td", {}, system.date),
      h("td", {}, words(system.family)), h("td", {}, words(system.size)));
    const { source, ...rest } = system;
    return [system.name, { system, node, open, all: folded([...Object.values(rest), source.text].join(" ")) }];
  }));
  const body = h("tbody");
  const card = h("section", { class: "course-system", "aria-live": "polite", "aria-label": "the system that is open" });
  // a region that scrolls must be reached by the keyboard
  frame.stage.append(
    h("div", { class: "course-systems", role: "region", tabindex: 0, "aria-label": "systems found" },
      h("table", {}, h("thead", {}, h("tr", {}, ...heads)), body)),
  );
  frame.text.after(card);

  function sort(field) {
    sorted.down = sorted.by === field && !sorted.down;
    sorted.by = field;
    update();
  }

  /** What is missing comes last, whichever way one sorts. */
  function compare(one, other) {
    const [a, b] = [one.system[sorted.by], other.system[sorted.by]];
    const [noA, noB] = [a === null || a === "", b === null || b === ""];
    if (noA || noB) return Number(noA) - Number(noB);
    const order = typeof a === "number" ? a - b : a.localeCompare(b);
    return sorted.down ? -order : order;
  }

  function show({ name, flow, mechanism, size, context, source, mini, note }) {
    const facts = [
      ["In → out", flow], ["How it works", words(mechanism)], ["Parameters", words(size)], ["Context window", words(context)],
      ["Source", h("a", { href: source.url, target: "_blank", rel: "noopener noreferrer" }, source.text)],
      ["Mini model", mini],
    ];
    if (note) facts.push(["Note", note]);
    card.replaceChildren(
      h("p", { class: "course-title" }, name),
      h("dl", {}, ...facts.flatMap(([term, fact]) => [h("dt", {}, term), h("dd", {}, fact)])),
    );
  }

  function update() {
    const wanted = folded(input.value.trim());
    const fits = (value, choice) => choice === ALL || (value || missing) === choice;
    const found = [...rows.values()].filter(({ system, all }) => (
      all.includes(wanted) && fits(system.family, family.get()) && fits(system.maker, maker.get())
    )).sort(compare);
    for (const { system, node, open } of rows.values()) {
      node.classList.toggle("course-chosen", system.name === chosen);
      open.setAttribute("aria-pressed", String(system.name === chosen));
    }
    heads.forEach((head, i) => {
      const here = COLUMNS[i][0] === sorted.by;
      head.setAttribute("aria-sort", here ? (sorted.down ? "descending" : "ascending") : "none");
      head.firstChild.textContent = COLUMNS[i][1] + (here ? (sorted.down ? " ▼" : " ▲") : "");
    });
    // a button that is taken out and put back loses the keyboard's focus
    const focused = document.activeElement;
    body.replaceChildren(...found.map(({ node }) => node));
    if (focused && focused.isConnected && body.contains(focused)) focused.focus();
    frame.say(`${found.length} of ${systems.length} systems, ${found.filter(({ system }) => system.size === "").length} without a size`);
    card.hidden = !found.some(({ system }) => system.name === chosen);
    if (!card.firstChild || card.firstChild.textContent !== chosen) show(rows.get(chosen).system);
    frame.drawn();
  }
  update();
}

export default { render };
