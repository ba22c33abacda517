"""Every widget in a real JupyterLab: move it, see it change, by mouse and by keyboard; axe-core finds nothing."""

from __future__ import annotations

import math
import re

import nbformat
import pytest
from harness import changes, median, says, slide, wait_for
from widget_notebook import CELLS, MATRIX_VALUES

TITLES = [
    "Two waves",
    "One dot",
    "Scene maker",
    "One scene, every modality",
    "Your own picture",
    "A number",
    "A choice",
    "Your guess against the answer",
    "Recall",
    "Temperature",
    "Search by sentence",
    "Map of the joint space",
    "Free map",
    "Map with sounds",
    "A weighted sum",
    "What a picture costs",
    "Ask a language model",
    "Glossary",
]
ASK = len(CELLS)  # an empty cell at the end, for questions to the kernel


@pytest.fixture(scope="module")
def notebook(lab):
    """One notebook with every widget, run once."""
    page = lab.open(lab.write("widgets.ipynb", *[cell.strip() for cell in CELLS], ""))
    page.run_all()
    yield page
    page.close()


def ask_python(notebook, expression: str) -> str:
    """Return what the kernel prints for `expression`."""
    notebook.type_in_cell(ASK, f"print({expression})")
    notebook.run_cell(ASK)
    return notebook.cell_output_text(ASK).strip()


# ---- all of them


@pytest.mark.parametrize("title", TITLES)
@pytest.mark.parametrize("theme", ["dark", "light"])
def test_axe_finds_nothing(notebook, title, theme):
    notebook.theme(dark=theme == "dark")
    widget = notebook.widget(title)
    assert notebook.axe(widget) == []
    notebook.screenshot(f"{re.sub('[^a-z]+', '_', title.lower())}_{theme}", widget)


def test_axe_does_find_a_slider_without_a_label(notebook):
    widget = notebook.widget("One dot")
    label = widget.locator("label").first
    label.evaluate("(node) => { node.dataset.kept = node.htmlFor; node.htmlFor = ''; }")
    found = notebook.axe(widget)
    label.evaluate("(node) => { node.htmlFor = node.dataset.kept; }")
    assert any(line.startswith("label ") for line in found)


@pytest.mark.parametrize("title", TITLES)
def test_every_picture_has_alternative_text_and_every_widget_says_what_to_try(notebook, title):
    widget = notebook.widget(title)
    assert widget.locator(".course-caption").inner_text().strip()
    for picture in widget.locator("[role=img]").all():
        if picture.is_visible():
            assert picture.get_attribute("aria-label").strip()


def test_the_saved_notebook_holds_a_still_with_alternative_text_for_every_widget(notebook, lab):
    notebook.save()
    stored = nbformat.read(lab.root / "widgets.ipynb", as_version=4)
    stills = [
        output
        for cell in stored.cells
        for output in cell.get("outputs", [])
        if "application/vnd.jupyter.widget-view+json" in output.get("data", {})
    ]
    assert len(stills) == 21
    for output in stills:
        assert output.data["image/png"]
        assert output.metadata["image/png"]["alt"].strip()
        assert output.data["text/plain"].startswith("[")


# ---- drawn by matplotlib


def test_each_control_of_a_figure_changes_its_picture(notebook):
    widget = notebook.widget("Two waves")
    canvas = widget.locator("canvas")
    frequency, scale = widget.get_by_label("Frequency"), widget.get_by_label("Scale")
    moves = {
        "slider": lambda: slide(frequency, 7),
        "logarithmic slider": lambda: slide(scale, 350),
        "select": lambda: widget.get_by_label("Shape").select_option("square"),
        "choice": lambda: widget.get_by_label("dashed").check(),
        "toggle": lambda: widget.get_by_label("show the sum").check(),
        "text": lambda: widget.get_by_label("Word").fill("ripple"),
        "button": lambda: widget.get_by_role("button", name="Again").click(),
    }
    for name, move in moves.items():
        assert changes(notebook, canvas, move), name
    assert canvas.get_attribute("aria-label") == "a square wave of 7.0 Hz"
    assert widget.locator(".course-text").inner_text() == "7.0 periods in a second"
    values = ask_python(notebook, "waves.values")
    assert "'frequency': 7.0" in values
    assert "'word': 'ripple', 'again': 1" in values


def test_a_figure_follows_the_arrow_keys_and_the_notebook_does_not(notebook):
    widget = notebook.widget("One dot")
    slider = widget.get_by_label("Place")
    slider.focus()
    cell = notebook.page.evaluate("window.jupyterapp.shell.currentWidget.content.activeCellIndex")
    assert changes(notebook, widget.locator("canvas"), lambda: notebook.page.keyboard.press("ArrowDown"))
    assert changes(notebook, widget.locator("canvas"), lambda: notebook.page.keyboard.press("Home"))
    wait_for(widget.locator("output"), "^0$")
    assert notebook.page.evaluate("window.jupyterapp.shell.currentWidget.content.activeCellIndex") == cell


def test_letters_typed_into_a_widget_are_no_commands_to_the_notebook(notebook):
    widget = notebook.widget("Two waves")
    cells = notebook.page.locator(".jp-Cell").count()
    widget.get_by_label("Word").fill("")
    widget.get_by_label("Word").press_sequentially("abdd")
    widget.get_by_label("Frequency").focus()
    notebook.page.keyboard.type("abxdd")
    assert widget.get_by_label("Word").input_value() == "abdd"
    assert notebook.page.locator(".jp-Cell").count() == cells


def test_of_a_fast_drag_only_the_first_and_the_last_place_are_drawn(notebook):
    widget = notebook.widget("Two waves")
    wait_for(widget.locator(".course-error"), "^$")
    calls = int(ask_python(notebook, "waves.calls"))
    slider = widget.get_by_label("Frequency")
    slider.evaluate("""(node) => {
        for (let i = 0; i < 200; i += 1) {
            node.value = 1 + 8 * i / 199;
            node.dispatchEvent(new Event('input', {bubbles: true}));
        }
    }""")
    says(widget, "^9.0 periods")
    assert int(ask_python(notebook, "waves.calls")) - calls == 2


def test_an_error_is_shown_in_the_widget_and_goes_when_it_is_mended(notebook):
    widget = notebook.widget("Two waves")
    word, error = widget.get_by_label("Word"), widget.locator("[role=alert]")
    word.fill("crash")
    wait_for(error, "RuntimeError: the wave broke")
    assert "in update" in error.locator("pre").text_content()
    assert notebook.axe(widget) == []
    notebook.screenshot("error", widget)
    word.fill("empty")
    wait_for(error, "^say a word that I know$")
    word.fill("fine")
    wait_for(error, "^$")


def test_values_set_from_python_move_the_controls(notebook):
    widget = notebook.widget("Two waves")
    ask_python(notebook, "waves.set(frequency=3.0, colour='solid', word='set')")
    says(widget, "^3.0 periods")
    assert widget.get_by_label("Frequency").input_value() == "3"
    assert widget.get_by_label("Word").input_value() == "set"
    assert widget.get_by_label("solid").is_checked()


# ---- a scene


def test_the_scene_maker_changes_picture_sentence_and_record_together(notebook):
    widget = notebook.widget("Scene maker")
    canvas = widget.locator("canvas")
    assert changes(notebook, canvas, lambda: widget.get_by_label("Colour").select_option("blue"))
    assert changes(notebook, canvas, lambda: widget.get_by_label("right").check())
    assert widget.locator(".course-quote").inner_text() == "a blue square on the right"
    assert canvas.get_attribute("aria-label") == "a picture: a blue square on the right"
    assert widget.locator("tbody tr").first.inner_text().split() == ["square", "blue", "9", "right", "22", "16"]
    assert ask_python(notebook, "maker.sentence, maker.picture[:, 16, 22].tolist()") == (
        "a blue square on the right [40, 90, 200]"
    )


def test_a_scene_that_cannot_be_is_refused_in_words(notebook):
    widget = notebook.widget("Scene maker")
    slide(widget.get_by_label("Size"), 13)
    widget.get_by_label("Shape").select_option("disc")
    wait_for(widget.locator("[role=alert]"), "^a disc of 13 pixels does not fit$")
    slide(widget.get_by_label("Size"), 9)
    wait_for(widget.locator("[role=alert]"), "^$")
    wait_for(widget.locator(".course-quote"), "disc")


def test_the_viewers_tabs_and_lens_work_by_keyboard_and_mouse(notebook):
    widget = notebook.widget("One scene, every modality")
    widget.get_by_role("tab", name="Picture").focus()
    notebook.page.keyboard.press("ArrowRight")
    lens = widget.locator("[role=application]").first
    assert lens.is_visible()
    assert widget.get_by_role("tab", selected=True).inner_text() == "Numbers"
    said, canvas = widget.locator("[role=tabpanel]:visible .course-text"), lens.locator("canvas")
    wait_for(said, "^row 16, column 16: red 213, green 60, blue 40$")
    lens.focus()
    notebook.page.keyboard.press("ArrowDown")
    assert changes(notebook, canvas, lambda: notebook.page.keyboard.press("Shift+ArrowRight"))
    wait_for(said, "^row 17, column 23: red 225, green 225, blue 225$")
    assert "row 17, column 23" in lens.get_attribute("aria-label")
    notebook.screenshot("viewer_numbers", widget)
    whole = widget.locator("[role=tabpanel]:visible .course-picture")
    box = whole.bounding_box()
    whole.click(position={"x": box["width"] * 12.5 / 32, "y": box["height"] * 14.5 / 32})
    wait_for(said, "^row 14, column 12: red 213, green 60, blue 40$")
    assert notebook.axe(widget) == []
    for name in ("Depth", "Caption", "Record"):
        widget.get_by_role("tab", name=name).click()
        assert notebook.axe(widget) == []
        notebook.screenshot(f"viewer_{name.lower()}", widget)
    assert widget.locator("td:visible").all_inner_texts() == ["disc", "red", "13", "12", "14"]


def test_the_viewer_keeps_its_tab_when_the_scene_changes(notebook):
    widget = notebook.widget("One scene, every modality")
    widget.get_by_role("tab", name="Numbers").click()
    canvas = widget.locator("[role=tabpanel]:visible .course-picture")
    before = notebook.pixels(canvas)
    ask_python(
        notebook, "viewer.show([Panel('Picture', 'picture', photo), Panel('Numbers', 'array', picture('blue'))])"
    )
    wait_for(widget.locator("[role=tabpanel]:visible .course-text"), "blue 200")
    assert notebook.pixels(widget.locator("[role=tabpanel]:visible .course-picture")) != before


# ---- a file


def picture_file(path, size, **options):
    from PIL import Image

    Image.effect_noise(size, 60).convert("RGB").save(path, **options)
    return path


def test_a_picture_of_ones_own_arrives_even_when_it_is_large(notebook, tmp_path):
    widget = notebook.widget("Your own picture")
    file = widget.get_by_label("Picture file")
    file.set_input_files(picture_file(tmp_path / "small.png", (40, 30)))
    says(widget, "^40 x 30 pixels")
    canvas = widget.locator("canvas")
    assert canvas.get_attribute("aria-label") == "your picture small.png"
    notebook.screenshot("upload", widget)
    assert notebook.axe(widget) == []
    before = notebook.pixels(canvas)
    large = picture_file(tmp_path / "large.bmp", (2400, 2000))
    assert large.stat().st_size > 14_000_000
    file.set_input_files(large)
    says(widget, "^2400 x 2000 pixels")
    assert notebook.pixels(canvas) != before
    assert ask_python(notebook, "upload.filename, upload.picture.shape") == "large.bmp (3, 32, 32)"


def test_a_file_that_is_too_large_or_no_picture_is_refused_in_words(notebook, tmp_path):
    widget = notebook.widget("Your own picture")
    file, error = widget.get_by_label("Picture file"), widget.locator("[role=alert]")
    letter = tmp_path / "letter.txt"
    letter.write_text("no picture", encoding="utf-8")
    file.set_input_files(letter)
    wait_for(error, "^this file is not a picture that can be read$")
    huge = tmp_path / "huge.png"
    huge.write_bytes(bytes(21_000_000))
    file.set_input_files(huge)
    wait_for(error, "^huge.png has 21.0 MB; the limit is 20 MB$")


def test_a_picture_can_be_dropped(notebook, tmp_path):
    import base64

    data = base64.b64encode(picture_file(tmp_path / "dropped.png", (20, 10)).read_bytes()).decode()
    widget = notebook.widget("Your own picture")
    widget.locator(".course-drop").evaluate(
        """(node, data) => {
            const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
            const transfer = new DataTransfer();
            transfer.items.add(new File([bytes], 'dropped.png', {type: 'image/png'}));
            node.dispatchEvent(new DragEvent('drop', {dataTransfer: transfer, bubbles: true, cancelable: true}));
        }""",
        data,
    )
    says(widget, "^20 x 10 pixels")
    wait_for(widget.locator("[role=alert]"), "^$")


# ---- guesses and recall


def test_run_all_without_a_guess_tells_the_answer_and_leaves_the_question_open(notebook):
    revealed = notebook.cell(7).locator(".course-widget")
    wait_for(revealed.nth(0).locator("[role=status]").first, "The answer is 0.97. Next time")
    wait_for(revealed.nth(1).locator("[role=status]").first, "The answer is the picture. Next time")
    assert "3072" not in notebook.widget("A late guess").inner_text()
    assert notebook.widget("A late guess").get_by_role("button", name="Commit my guess").is_enabled()


def test_a_guess_is_committed_once_by_keyboard_and_compared(notebook):
    widget = notebook.widget("A number")
    slider = widget.get_by_label("Your guess")
    slider.focus()
    for key in ("Home", "ArrowRight", "ArrowRight", "Tab", "Enter"):
        notebook.page.keyboard.press(key)
    wait_for(widget.locator(".course-stage [role=status]"), "You said 0.02; it is 0.97: off by 0.95.")
    assert slider.is_disabled()
    assert widget.get_by_role("button", name="Committed").is_disabled()
    wait_for(notebook.cell(7).locator(".course-stage").nth(0), "You said 0.02; it is 0.97")
    assert ask_python(notebook, "number.guess, number.reveal(0.97).sentence") == (
        "0.02 You said 0.02; it is 0.97: off by 0.95."
    )
    assert notebook.axe(widget) == []
    notebook.screenshot("predict_number", widget)


def test_a_choice_is_compared_too(notebook):
    widget = notebook.widget("A choice")
    assert widget.get_by_role("button", name="Commit my guess").is_disabled()
    widget.get_by_label("the caption").check()
    widget.get_by_role("button", name="Commit my guess").click()
    wait_for(widget.locator(".course-stage [role=status]"), "You said the caption; it is the picture.")
    assert ask_python(notebook, "choice.guess") == "the caption"


def test_the_quiz_explains_each_choice_counts_first_tries_and_starts_again(notebook):
    widget = notebook.widget("Recall")
    first, second = widget.locator("fieldset").nth(0), widget.locator("fieldset").nth(1)
    first.get_by_role("button").nth(0).focus()
    notebook.page.keyboard.press("Enter")
    wait_for(first.locator(".course-feedback"), "Not this one. That is what a large temperature does.")
    says(widget, "0 of 5 answered")
    first.get_by_role("button").nth(1).click()
    wait_for(first.locator(".course-feedback"), "Right. Small differences are blown up.")
    second.get_by_role("button").nth(1).click()
    says(widget, "2 of 5 answered, 1 right at the first try")
    assert notebook.axe(widget) == []
    notebook.screenshot("quiz_answered", widget)
    for question in widget.locator("fieldset").all()[2:]:
        question.get_by_role("button").nth(1).click()
    says(widget, "^Done: 4 of 5 right at the first try.$")
    widget.get_by_role("button", name="Start again").click()
    says(widget, "0 of 5 answered, 0 right")
    assert first.locator(".course-feedback").inner_text() == ""


# ---- similarities and temperature


def info_nce(matrix, temperature: float) -> float:
    """Return the mean of both directions' cross entropy, by loops."""
    n = len(matrix)
    total = 0.0
    for i in range(n):
        row = sum(math.exp(matrix[i][j] / temperature) for j in range(n))
        column = sum(math.exp(matrix[j][i] / temperature) for j in range(n))
        total += math.log(row) + math.log(column) - 2 * matrix[i][i] / temperature
    return total / (2 * n)


def test_the_matrix_shows_the_loss_of_its_similarities_at_its_temperature(notebook):
    widget = notebook.widget("Temperature")
    says(widget, f"^Loss {info_nce(MATRIX_VALUES, 0.1):.3f}:")
    slide(widget.get_by_label("Temperature", exact=True), 400)
    says(widget, f"^Loss {info_nce(MATRIX_VALUES, 10.0):.3f}:")
    shares = [float(text) for text in widget.locator("tbody tr").first.locator("b").all_inner_texts()]
    assert shares == pytest.approx([0.25] * 4, abs=0.02)


def test_a_cell_of_the_matrix_moves_by_keys_by_slider_and_by_drag(notebook):
    widget = notebook.widget("Temperature")
    widget.get_by_role("button", name="Reset").click()
    matrix = [list(row) for row in MATRIX_VALUES]
    cell = widget.locator("[role=gridcell]")
    cell.nth(0).focus()
    for key in ("ArrowDown", "ArrowRight", "+", "+"):
        notebook.page.keyboard.press(key)
    matrix[1][1] += 0.1
    says(widget, f"^Loss {info_nce(matrix, 0.1):.3f}:")
    assert widget.locator("[role=gridcell][aria-selected=true] small").inner_text() == "0.70"
    slide(widget.get_by_label("Similarity of the selected cell"), -0.5)
    matrix[1][1] = -0.5
    says(widget, f"^Loss {info_nce(matrix, 0.1):.3f}:")
    box = cell.nth(2).bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    notebook.page.mouse.move(x, y)
    notebook.page.mouse.down()
    notebook.page.mouse.move(x, y - 40, steps=4)
    notebook.page.mouse.up()
    matrix[0][2] += 0.4
    says(widget, f"^Loss {info_nce(matrix, 0.1):.3f}:")
    assert widget.locator(".course-bars span").first.inner_text() == "a red square on the left ✓"


# ---- search and map


def test_the_search_finds_by_typing_and_says_which_word_it_does_not_know(notebook):
    widget = notebook.widget("Search by sentence")
    box, strip = widget.get_by_label("Find pictures of"), widget.locator(".course-strip")
    box.fill("a blue square")
    wait_for(strip.locator("li").first, "a blue square")
    assert strip.locator("canvas").first.get_attribute("aria-label") == "a blue square"
    assert strip.locator("li").count() == 5
    box.fill("a blue zebra")
    wait_for(widget.locator("[role=alert]"), "^the model does not know the word 'zebra'$")
    box.fill("")
    wait_for(widget.locator("[role=alert]"), "^$")
    assert strip.locator("li").count() == 0
    box.fill("a green disc")
    wait_for(strip.locator("li").first, "a green disc")
    assert widget.locator("datalist option").count() == 2


def test_a_point_of_the_map_is_chosen_moved_and_zoomed_by_keyboard(notebook):
    widget = notebook.widget("Map of the joint space")
    canvas, near = widget.locator(".course-map canvas"), widget.locator(".course-near ol")
    choose = widget.get_by_label("Point", exact=True)
    assert changes(notebook, canvas, lambda: choose.select_option("a blue disc"))
    wait_for(near.locator("li").first, "^picture of a blue disc")
    assert "Chosen: a blue disc, text; nearest: picture of a blue disc" in canvas.get_attribute("aria-label")
    widget.locator(".course-map").focus()
    for key in ("ArrowUp", "Shift+ArrowLeft", "+", "-", "0"):
        assert changes(notebook, canvas, lambda key=key: notebook.page.keyboard.press(key)), key
    # what is near is near in the full space, wherever the point is drawn
    wait_for(near.locator("li").first, "^picture of a blue disc")
    assert changes(notebook, canvas, lambda: widget.get_by_label("other modalities only").uncheck())
    widget.get_by_label("other modalities only").check()
    notebook.screenshot("map_chosen", widget)


def test_dragging_a_point_of_a_free_map_changes_its_neighbours(notebook):
    widget = notebook.widget("Free map")
    canvas, near = widget.locator(".course-map canvas"), widget.locator(".course-near ol")
    for _ in range(3):
        widget.get_by_role("button", name="zoom in").click()
    widget.get_by_role("button", name="fit the map").click()
    before = near.inner_text()
    box = canvas.bounding_box()
    chosen = canvas.evaluate("(node) => node.getAttribute('aria-label')")
    # a click in the crowd chooses another point, and the drag takes it with it
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    notebook.page.mouse.move(x, y)
    notebook.page.mouse.down()
    picked = near.inner_text()
    notebook.page.mouse.move(box["x"] + 40, box["y"] + 40, steps=5)
    notebook.page.mouse.up()
    assert canvas.get_attribute("aria-label") != chosen
    assert len({before, picked, near.inner_text()}) == 3
    notebook.screenshot("map_dragged", widget)


def test_a_map_of_three_modalities_plays_sounds_and_takes_modalities_off(notebook):
    widget = notebook.widget("Map with sounds")
    lists = widget.locator(".course-near ol")
    play = widget.get_by_role("button", name="Play its sound")
    assert [one.get_attribute("aria-label") for one in lists.all()] == [
        f"nearest of modality {name}" for name in ("text", "image")
    ]
    assert [one.locator("li").count() for one in lists.all()] == [2, 2]
    play.click()
    assert widget.get_attribute("data-played") == "audio 0"
    widget.get_by_label("Point", exact=True).select_option("text 1")
    assert play.is_disabled()
    widget.get_by_role("checkbox", name="image").uncheck()
    assert [one.get_attribute("aria-label") for one in lists.all()] == ["nearest of modality audio"]
    widget.get_by_role("checkbox", name="image").check()
    notebook.screenshot("map_with_sounds", widget)


def test_a_weighted_sum_moves_from_one_thing_to_the_other(notebook):
    widget = notebook.widget("A weighted sum")
    first = widget.locator("ol li").first
    wait_for(first, "^a red square")
    slider = widget.get_by_label("Weight of word")
    slider.focus()
    notebook.page.keyboard.press("End")
    wait_for(first, "^a blue square")
    says(widget, r"^Nearest to 0\.00 × a hum \+ 1\.00 × blue: a blue square\.$")
    notebook.page.keyboard.press("Home")
    wait_for(first, "^a red square")
    notebook.screenshot("weighted_sum", widget)


def test_a_larger_picture_fills_the_window_and_breaks_its_frame(notebook):
    widget = notebook.widget("What a picture costs")
    canvas = widget.locator("canvas")
    says(widget, r"^396 tokens, 156,816 pairs\. 19\.3 % of middling's window of 2,048\.")
    side = widget.get_by_label("Side of the picture")
    assert changes(notebook, canvas, lambda: slide(side, 448))
    says(widget, "^984 tokens")
    side.focus()
    assert changes(notebook, canvas, lambda: notebook.page.keyboard.press("End"))
    says(widget, "does not fit into middling's window")
    slide(side, 32)
    slide(widget.get_by_label("Words of text"), 10)
    assert changes(notebook, canvas, lambda: widget.get_by_label("Model").select_option("tiny"))
    says(widget, r"^14 tokens, 196 pairs\. 14\.6 % of tiny's window of 96\.")
    assert changes(notebook, canvas, lambda: slide(widget.get_by_label("Side of a patch"), 8))
    says(widget, "^26 tokens")
    notebook.screenshot("context_budget", widget)


def test_the_reply_follows_the_document_and_an_unknown_word_is_told(notebook):
    widget = notebook.widget("Ask a language model")
    said, alert = widget.locator(".course-text"), widget.locator("[role=alert]")
    wait_for(said, "^→ red$")
    document = widget.get_by_label("Document")
    document.focus()
    notebook.page.keyboard.press("End")
    notebook.page.keyboard.type(" a blue disc")
    wait_for(said, "^→ red and blue$")
    widget.get_by_label("What is asked").fill("what size")
    wait_for(alert, "does not know the word 'size'")
    wait_for(said, "^$")
    widget.get_by_label("What is asked").fill("what colour")
    document.fill("")
    wait_for(said, "^→ some colour$")
    wait_for(alert, "^$")
    notebook.screenshot("prompt_box", widget)


# ---- time, and life without Python


def test_redraw_times_are_measured(notebook, measured):
    sliders = [
        ("Two waves", "Frequency", "FigureWidget, all of it drawn again"),
        ("One dot", "Place", "FigureWidget, one artist moving"),
        ("Scene maker", "Size", "SceneMaker (a picture made by Python)"),
        ("Temperature", "Temperature", "TemperatureMatrix (no Python)"),
    ]
    for title, label, what in sliders:
        times = notebook.redraw_times(notebook.widget(title).get_by_label(label, exact=True), 24)
        assert times
        measured(f"{what}: slider to picture, {median(times)}")
    for title in ("Map of the joint space", "Free map"):
        notebook.widget(title)
        times = notebook.page.evaluate(
            """(title) => {
                const map = document.querySelector(`.course-widget[aria-label="${title}"] .course-map`);
                return [...Array(40)].map((_, i) => {
                    const start = performance.now();
                    map.dispatchEvent(new KeyboardEvent('keydown', {key: i % 2 ? 'ArrowLeft' : 'ArrowRight'}));
                    return performance.now() - start;
                });
            }""",
            title,
        )
        measured(f"JointMap, {title.lower()} (no Python): key to picture, {median(times)}")


def test_while_python_is_slow_the_widget_says_so_and_then_answers(notebook):
    widget = notebook.widget("Two waves")
    widget.get_by_label("Word").fill("slow")
    wait_for(widget.locator("[role=alert]"), "Python has not answered yet")
    wait_for(widget.locator("[role=alert]"), "^$")
    widget.get_by_label("Word").fill("fast")
    wait_for(widget.locator("[role=alert]"), "^$")


def test_without_python_script_widgets_live_on_and_live_widgets_say_so(notebook):
    notebook.page.evaluate("window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    matrix = notebook.widget("Temperature")
    drawn = notebook.drawn(matrix)
    slide(matrix.get_by_label("Temperature", exact=True), 100)
    assert notebook.drawn(matrix) > drawn
    quiz = notebook.widget("Recall")
    quiz.locator("fieldset").nth(0).get_by_role("button").nth(1).click()
    says(quiz, "1 of 5 answered")
    budget = notebook.widget("What a picture costs")
    drawn = notebook.drawn(budget)
    slide(budget.get_by_label("Words of text"), 500)
    assert notebook.drawn(budget) > drawn
    dot = notebook.widget("One dot")
    slide(dot.get_by_label("Place"), 12)
    wait_for(dot.locator("[role=alert]"), "run this cell again")
    assert notebook.errors == []


# ---- the glossary


def test_the_glossary_finds_terms_in_english_and_in_both_chinese_scripts_as_one_types(notebook):
    widget = notebook.widget("Glossary")
    field, status, rows = widget.get_by_label("Search"), widget.locator(".course-text"), widget.locator("tbody tr")
    everything = rows.count()
    assert everything > 180
    for typed, first in (
        ("cross-att", "cross-attention"),
        ("鍵值快取", "key-value cache"),
        ("键值", "key-value cache"),
    ):
        field.fill(typed)
        wait_for(status, rf"^\d+ of {everything} terms$")
        assert rows.first.locator("th").inner_text().startswith(first)
    assert rows.first.locator("[lang=zh-Hant]").inner_text() == "鍵值快取"
    field.fill("no such thing")
    wait_for(status, f"^0 of {everything} terms$")
    assert notebook.axe(widget) == []
    field.fill("")
    wait_for(status, f"^{everything} terms$")


def test_the_glossary_is_typed_and_scrolled_by_keyboard_alone(notebook):
    widget = notebook.widget("Glossary")
    widget.get_by_label("Search").focus()
    notebook.page.keyboard.type("axb")  # letters that are commands to the notebook elsewhere
    assert widget.get_by_label("Search").input_value() == "axb"
    widget.get_by_label("Search").fill("")
    notebook.page.keyboard.press("Tab")
    region = widget.get_by_role("region", name="terms found")
    assert region.evaluate("(node) => document.activeElement === node")
    notebook.page.keyboard.press("End")
    notebook.page.wait_for_function("(node) => node.scrollTop > 0", arg=region.element_handle())
