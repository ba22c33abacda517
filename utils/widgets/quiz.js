// Quiz: every choice is explained at once. No Python once shown.

function render({ model, el }) {
  const { questions } = model.get("_spec");
  const frame = buildFrame(model, el);
  const again = h("button", { type: "button", onclick: start }, "Start again");
  const list = h("div");
  frame.stage.append(list);
  frame.root.append(h("div", { class: "course-buttons" }, again));

  function start() {
    let done = 0, first = 0;
    const score = () => {
      frame.say(done < questions.length
        ? `${done} of ${questions.length} answered, ${first} right at the first try`
        : `Done: ${first} of ${questions.length} right at the first try.`);
      again.disabled = done === 0 && list.querySelector(".course-wrong") === null;
      frame.drawn();
    };
    list.replaceChildren(...questions.map((question, number) => {
      const feedback = h("div", { class: "course-feedback", role: "status", "aria-live": "polite" });
      let tries = 0;
      const buttons = question.options.map((option, i) => h("button", { type: "button", onclick: () => choose(i) },
        h("span", { class: "course-mark", "aria-hidden": "true" }, `${"abcdefgh"[i]}`), h("span", {}, option)));
      function choose(i) {
        if (buttons[i].classList.contains("course-wrong") || buttons[question.right].classList.contains("course-right")) {
          explain(i);
          return;
        }
        tries += 1;
        const isRight = i === question.right;
        buttons[i].classList.add(isRight ? "course-right" : "course-wrong");
        buttons[i].querySelector(".course-mark").textContent = isRight ? "✓" : "✗";
        buttons[i].setAttribute("aria-pressed", "true");
        if (isRight) { done += 1; first += tries === 1 ? 1 : 0; }
        explain(i);
        score();
      }
      function explain(i) {
        const isRight = i === question.right;
        feedback.replaceChildren(h("p", {},
          h("strong", { class: isRight ? "course-good" : "course-bad" }, isRight ? "Right. " : "Not this one. "), question.why[i]));
      }
      return h("fieldset", { class: "course-question" }, h("legend", {}, `${number + 1}. ${question.text}`),
        h("div", { class: "course-answers" }, ...buttons), feedback);
    }));
    score();
  }
  start();
}

export default { render };
