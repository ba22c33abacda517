// Glossary: a native search field over a table. No Python once shown.

/** Small letters without accents, so that what is typed need not be exact. */
function folded(text) {
  return text.normalize("NFKD").replace(/\p{Diacritic}/gu, "").toLowerCase();
}

function render({ model, el }) {
  const { terms } = model.get("_spec");
  const frame = buildFrame(model, el);
  const id = uniqueId();
  const rows = terms.map((term) => ({
    names: [term.title, ...term.simplified.split("、"), ...term.traditional.split("、")].map(folded),
    all: folded(Object.values(term).join(" ")),
    node: h("tr", {},
      h("th", { scope: "row" }, term.title),
      h("td", { class: "course-names", lang: "zh-Hans" }, term.simplified),
      h("td", { class: "course-names", lang: "zh-Hant" }, term.traditional),
      h("td", { class: "course-sentence" }, term.sentence, term.source ? h("cite", {}, term.source) : ""),
      h("td", {}, term.lesson)),
  }));
  const body = h("tbody");
  const input = h("input", { id, type: "search", autocomplete: "off", spellcheck: "false", oninput: search });
  frame.controls.append(h("div", { class: "course-control course-control-wide" }, h("label", { for: id }, "Search"), input));
  // a region that scrolls must be reached by the keyboard
  frame.stage.append(h("div", { class: "course-terms", role: "region", tabindex: 0, "aria-label": "terms found" }, h(
    "table", {},
    h("thead", {}, h("tr", {}, ...["Term", "简体", "繁體", "What it is", "Built in"].map((name) => h("th", { scope: "col" }, name)))),
    body,
  )));

  function search() {
    const wanted = folded(input.value.trim());
    const found = rows.filter((row) => row.all.includes(wanted));
    const rank = (row) => (row.names.some((name) => name.startsWith(wanted)) ? 0 : row.names.some((name) => name.includes(wanted)) ? 1 : 2);
    if (wanted) found.sort((one, other) => rank(one) - rank(other));
    body.replaceChildren(...found.map((row) => row.node));
    frame.say(wanted ? `${found.length} of ${terms.length} terms` : `${terms.length} terms`);
    frame.drawn();
  }
  search();
}

export default { render };
