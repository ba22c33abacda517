// MergeSteps: byte-pair encoding at the speed of the hand. No Python once shown. A byte is held as the letter of its number.

// utils.world.bpe's pattern; Python counts ½ and Ⅳ among the letters
const PIECE = /'(?:s|t|re|ve|m|ll|d)| ?[\p{L}\p{Nl}\p{No}]+| ?\p{Nd}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu;

function bytesOf(piece) {
  return [...new TextEncoder().encode(piece)].map((byte) => String.fromCharCode(byte));
}

/** A token as one can read it; bytes that are no whole character are written as numbers. */
function readable(token) {
  const bytes = Uint8Array.from(token, (letter) => letter.charCodeAt(0));
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes).replaceAll(" ", "␣");
  } catch {
    return [...bytes].map((byte) => (byte < 128 ? String.fromCharCode(byte) : `\\x${byte.toString(16)}`)).join("").replaceAll(" ", "␣");
  }
}

/** The tokens of one piece: of the pairs in it, that which was learnt first is merged first. */
function merged(tokens, ranks, known) {
  for (;;) {
    let best = known;
    for (let i = 0; i + 1 < tokens.length; i += 1) best = Math.min(best, ranks.get(`${tokens[i].length},${tokens[i]}${tokens[i + 1]}`) ?? known);
    if (best === known) return tokens;
    const next = [];
    for (let i = 0; i < tokens.length; i += 1) {
      const together = i + 1 < tokens.length && ranks.get(`${tokens[i].length},${tokens[i]}${tokens[i + 1]}`) === best;
      next.push(together ? tokens[i] + tokens[i + 1] : tokens[i]);
      if (together) i += 1;
    }
    tokens = next;
  }
}

function render({ model, el }) {
  const spec = model.get("_spec");
  const frame = buildFrame(model, el);
  const ranks = new Map();
  spec.merges.forEach(([left, right], rank) => {
    const key = `${left.length},${left}${right}`;
    if (!ranks.has(key)) ranks.set(key, rank);
  });

  const merges = buildSlider({ label: "Merges learnt", low: 0, high: spec.merges.length, step: 1 }, draw);
  merges.set(spec.start);
  const id = uniqueId();
  const input = h("input", { id, type: "text", maxlength: 120, autocomplete: "off", spellcheck: "false", oninput: draw });
  input.value = spec.text;
  frame.controls.append(merges.node, h("div", { class: "course-control course-control-wide" }, h("label", { for: id }, "Text"), input));
  const list = h("ol", { class: "course-tokens", "aria-label": "the text's tokens" });
  const last = h("p", { class: "course-note" });
  frame.stage.append(list, last);

  function draw() {
    const known = merges.get();
    const newest = known ? spec.merges[known - 1] : null;
    const tokens = (input.value.match(PIECE) ?? []).flatMap((piece) => merged(bytesOf(piece), ranks, known));
    list.replaceChildren(...tokens.map((token) => {
      const isNew = newest !== null && token === newest[0] + newest[1];
      return h("li", { class: isNew ? "course-newest" : "" }, readable(token) + (isNew ? " ✓" : ""));
    }));
    const bytes = new TextEncoder().encode(input.value).length;
    last.textContent = newest === null
      ? "No merge yet: every byte is a token."
      : `Merge ${known}: ${readable(newest[0])} + ${readable(newest[1])} → ${readable(newest[0] + newest[1])}, which stood together ${newest[2]} times. ✓ marks it.`;
    frame.say(tokens.length ? `${tokens.length} tokens for ${bytes} bytes: ${(bytes / tokens.length).toFixed(1)} bytes a token.` : "Write something.");
    frame.drawn();
  }
  draw();
}

export default { render };
