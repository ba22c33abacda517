"""Widgets without a browser: what they refuse, what they store, what they answer."""

from __future__ import annotations

import io
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from utils.glossary import Term
from utils.widgets import (
    Button,
    Choice,
    FigureWidget,
    Glossary,
    JointMap,
    Look,
    ModalityViewer,
    Panel,
    PictureAttention,
    Predict,
    Question,
    Quiz,
    SceneMaker,
    SearchBox,
    Select,
    Slider,
    TemperatureMatrix,
    TextBox,
    Toggle,
    UploadPicture,
    WeightedSum,
)
from utils.widgets.packing import pack_table

VIEW = "application/vnd.jupyter.widget-view+json"
GREY = np.full((3, 32, 32), 128, dtype=np.uint8)


class Line(FigureWidget):
    """A line whose height follows a slider; 13 breaks it."""

    title = "A line"
    caption = "Lift the line."
    controls = (Slider("height", "Height", 0, 20, value=5),)

    def draw(self):
        (self.line,) = self.figure.subplots().plot([0, 1], [0, 0])
        self.line.axes.set_ylim(0, 20)
        self.calls = []

    def update(self, height):
        self.calls.append(height)
        if height == 13:
            raise KeyError("no thirteen")
        if height == 14:
            raise ValueError("fourteen is too much")
        self.line.set_ydata([height, height])
        return f"a line at {height}", f"height {height}"


class MovingLine(Line):
    """The same, telling that only the line moves."""

    def draw(self):
        super().draw()
        return [self.line]


def ask(widget, turn: int = 1, **values) -> dict:
    """Ask as the browser does, and return what is shown then."""
    widget._on_message(widget, {"question": values, "view": "v", "turn": turn}, [])
    return widget._shown


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


def scene_maker() -> SceneMaker:
    def render(values):
        if values["shape"] == "ring":
            raise ValueError("no rings today")
        return GREY + np.uint8(values["size"]), f"a {values['shape']}", {"shape": values["shape"]}

    return SceneMaker(render, [Select("shape", "Shape", ["disc", "square", "ring"]), Slider("size", "Size", 1, 9)])


def question() -> Question:
    return Question("What is a modality?", ["a kind of signal", "a model"], 0, ["Yes.", "No, that is what reads it."])


def predict() -> Predict:
    return Predict("How many?", low=0, high=10)


def look(**changed) -> Look:
    given = {"picture": GREY, "words": ["<start>", "what", "<end>"], "maps": np.full((2, 3, 16), 1 / 16)}
    return Look(**(given | {"answer": "red"} | changed))


def map_with_sounds(**changed) -> JointMap:
    given = {"labels": ["a", "b", "c"], "modalities": ["text", "image", "audio"], "sounds": {2: np.zeros((2, 800))}}
    return JointMap(np.eye(3)[:, :2], **(given | changed))


def weighted_sum(**changed) -> WeightedSum:
    given = {
        "first": {"a hum": [1.0, 0.0]},
        "second": {"red": [0.0, 2.0], "blue": [0.0, -1.0]},
        "pictures": [GREY, GREY],
        "vectors": np.array([[1.0, 0.2], [0.1, 1.0]]),
        "labels": ["a grey thing", "a red thing"],
    }
    return WeightedSum(**(given | changed))


def widgets() -> dict[str, object]:
    """One of each kind."""
    guess = predict()
    return {
        "FigureWidget": Line(),
        "FigureWidget, one artist moving": MovingLine(),
        "SceneMaker": scene_maker(),
        "ModalityViewer": ModalityViewer(
            [
                Panel("Picture", "picture", GREY, alt="grey"),
                Panel("Numbers", "array", GREY),
                Panel("Depth", "array", np.linspace(0, 1, 12).reshape(3, 4)),
                Panel("Caption", "tokens", [("a", 1), ("disc", 2)]),
                Panel("Record", "table", {"objects": [{"shape": "disc"}]}),
            ]
        ),
        "UploadPicture": UploadPicture(lambda data: (GREY, "fine")),
        "Predict": guess,
        "Predict, a choice": Predict("Which?", options=["this", "that"]),
        "Revealed": guess.reveal(7),
        "Quiz": Quiz([question()]),
        "TemperatureMatrix": TemperatureMatrix(np.eye(3), ["a", "b", "c"], ["x", "y", "z"]),
        "SearchBox": SearchBox(lambda text: [(GREY, 0.5, "a grey picture")], text="grey"),
        "SearchBox, still empty": SearchBox(lambda text: []),
        "Glossary": Glossary(),
        "PictureAttention": PictureAttention([look()]),
        "JointMap": JointMap(np.eye(2), ["a", "b"], ["text", "image"], pictures={1: GREY}, pairs=[(0, 1)]),
        "JointMap, with sounds": map_with_sounds(),
        "WeightedSum": weighted_sum(),
    }


# ---- what is stored in the notebook


@pytest.mark.parametrize("name", list(widgets()))
def test_every_widget_displays_a_still_with_alternative_text(name):
    data, metadata = widgets()[name]._repr_mimebundle_()
    assert data[VIEW]["model_id"]
    assert pixels(data["image/png"]).std() > 1
    alt = metadata["image/png"]["alt"]
    assert len(alt) > 10
    assert alt in data["text/plain"]


def test_the_still_is_the_figure_as_it_stands():
    line = Line()
    before = line.still()
    line.set(height=15)
    after = line.still()
    assert after[1] == "a line at 15"
    assert (pixels(before[0]) != pixels(after[0])).any()


def test_a_still_of_a_quiz_asks_but_does_not_answer():
    text = Quiz([question()])._repr_mimebundle_()[0]["text/plain"]
    assert "What is a modality?" in text
    assert "Yes." not in text


def test_widgets_are_imported_without_torch_and_on_first_use():
    code = "import sys, utils.widgets; assert not {'anywidget', 'matplotlib', 'torch'} & set(sys.modules); "
    code += "from utils.widgets import *; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


# ---- live widgets


def test_a_moving_artist_gives_the_pixels_of_a_full_drawing():
    full, moving = Line(), MovingLine()
    for height in (3, 17, 8):
        full.set(height=height)
        moving.set(height=height)
        difference = np.abs(pixels(full.still()[0]).astype(int) - pixels(moving.still()[0]).astype(int))
        # where the line crosses the frame, it is now above and not below
        assert (difference > 8).mean() < 0.002


def test_what_moves_without_being_named_is_drawn_too():
    class Titled(MovingLine):
        def update(self, height):
            self.line.axes.set_title(f"height {height}")
            return super().update(height)

    class TitledInFull(Titled):
        def draw(self):
            super().draw()

    moving, full = Titled(), TitledInFull()
    moving.set(height=17)
    full.set(height=17)
    difference = np.abs(pixels(full.still()[0]).astype(int) - pixels(moving.still()[0]).astype(int))
    assert (difference > 8).mean() < 0.002
    assert (pixels(full.still()[0]) != pixels(TitledInFull().still()[0])).any()


def test_a_question_of_the_browser_is_answered_once_and_marked_as_its_own():
    line = Line()
    calls = len(line.calls)
    shown = ask(line, turn=7, height=9)
    assert (shown["alt"], shown["text"], shown["view"], shown["turn"]) == ("a line at 9", "height 9", "v", 7)
    assert line.values == {"height": 9}
    assert len(line.calls) == calls + 1


def test_a_value_error_is_a_message_and_any_other_comes_with_its_traceback():
    line = Line()
    shown = ask(line, height=14)
    assert (shown["error"], shown["details"]) == ("fourteen is too much", "")
    shown = ask(line, turn=2, height=13)
    assert shown["error"] == "KeyError: 'no thirteen'"
    assert "in update" in shown["details"]
    assert shown["alt"] == "a line at 5"
    assert line.values == {"height": 5}
    assert "error" not in ask(line, turn=3, height=6)


def test_a_value_that_the_browser_should_not_send_is_refused():
    assert "Height goes from 0 to 20; 99 is outside" in ask(Line(), height=99)["error"]
    assert "no control called weight" in ask(Line(), weight=1)["error"]


def test_an_error_in_the_first_drawing_goes_to_the_cell():
    with pytest.raises(ValueError, match="fourteen is too much"):
        Line(controls=[Slider("height", "Height", 0, 20, value=14)])


def test_python_moves_controls_and_may_not_move_them_too_far():
    line = Line()
    line.set(height=8)
    assert line._shown["alt"] == "a line at 8"
    with pytest.raises(ValueError, match="Height goes from 0 to 20"):
        line.set(height=21)
    with pytest.raises(ValueError, match="no control called size; the controls are height"):
        line.set(size=2)


def test_a_figure_without_alternative_text_is_refused():
    class Silent(Line):
        def update(self, height):
            return None

    with pytest.raises(TypeError, match="alternative text"):
        Silent()


def test_a_widget_without_a_title_or_caption_is_refused():
    for missing in ("title", "caption"):
        with pytest.raises(ValueError, match=f"needs a {missing}"):
            Line(**{missing: " "})


def test_a_live_widget_answers_one_question_at_a_time():
    import threading
    import time

    running, most = 0, 0

    def search(text):
        nonlocal running, most
        running += 1
        most = max(most, running)
        time.sleep(0.02)
        running -= 1
        return []

    box = SearchBox(search)
    threads = [threading.Thread(target=ask, args=(box, i), kwargs={"text": f"word {i}"}) for i in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1


# ---- controls


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Slider("a b", "A", 0, 1), "cannot be one"),
        (lambda: Slider("a", " ", 0, 1), "needs a label"),
        (lambda: Slider("a", "A", 1, 1), "from a lower to a higher"),
        (lambda: Slider("a", "A", 0, float("nan")), "from a lower to a higher"),
        (lambda: Slider("a", "A", 0, 1, value=2), "is outside"),
        (lambda: Slider("a", "A", 0, 10, log=True), "must start above 0"),
        (lambda: Slider("a", "A", 1, 10, log=True, step=1), "has no step"),
        (lambda: Slider("a", "A", 0, 10, step=20), "cannot have steps of 20"),
        (lambda: Slider("a", "A", 0, 10, value=5, step=2), "cannot start at 5"),
        (lambda: Select("a", "A", []), "needs options"),
        (lambda: Select("a", "A", ["x", 3]), "each a string"),
        (lambda: Choice("a", "A", ["x", "x"]), "twice"),
        (lambda: Choice("a", "A", ["x", "y"], value="z"), "A is one of x, y; 'z' is not"),
        (lambda: Line(controls=[Slider("height", "H", 0, 1), Toggle("height", "T")]), "two controls are called"),
    ],
)
def test_a_bad_control_is_refused_in_words(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_what_is_no_control_is_refused():
    with pytest.raises(TypeError, match="no control"):
        Line(controls=["height"])


@pytest.mark.parametrize(
    ("control", "bad"),
    [
        (Slider("a", "A", 0, 1), "0.5"),
        (Slider("a", "A", 0, 1), True),
        (Slider("a", "A", 0.0, 1.0), float("inf")),
        (Select("a", "A", ["x"]), None),
        (Toggle("a", "A"), 1),
        (Button("a", "A"), -1),
        (TextBox("a", "A", longest=3), "long"),
        (TextBox("a", "A"), 3),
    ],
)
def test_a_value_of_the_wrong_kind_names_the_control(control, bad):
    with pytest.raises(ValueError, match=r"^A "):
        control.check(bad)


def test_whole_sliders_give_whole_numbers_and_others_a_step_that_is_a_power_of_ten():
    assert type(Slider("a", "A", 0, 10).check(3.0)) is int
    assert Slider("a", "A", 0, 10).spec()["step"] == 1
    assert Slider("a", "A", 1.0, 10.0).spec()["step"] == pytest.approx(0.1)
    assert Slider("a", "A", 0.0, 1.0).spec()["step"] == pytest.approx(0.01)


# ---- the widgets of the lessons


def test_the_scene_maker_holds_the_scene_as_it_stands():
    maker = scene_maker()
    maker.set(shape="square", size=3)
    assert (maker.sentence, maker.record, maker.picture[0, 0, 0]) == ("a square", {"shape": "square"}, 131)
    assert ask(maker, shape="ring", size=3)["error"] == "no rings today"
    assert maker.sentence == "a square"


@pytest.mark.parametrize("bad", [GREY.astype(np.float32), GREY[:1], GREY.transpose(1, 2, 0), GREY[:, :0]])
def test_what_is_no_picture_is_refused_with_its_shape(bad):
    with pytest.raises(ValueError, match=r"uint8 of shape \[3, height, width\]; this is"):
        Panel("Picture", "picture", bad)


def test_pictures_may_be_tensors():
    torch = pytest.importorskip("torch")
    assert Panel("Picture", "picture", torch.zeros(3, 4, 5, dtype=torch.uint8)).pack()["width"] == 5


def test_panels_refuse_what_they_cannot_show():
    with pytest.raises(ValueError, match="'smell' is none of them"):
        Panel("Smell", "smell", GREY)
    with pytest.raises(ValueError, match=r"not \[2, 4, 4\]"):
        Panel("Numbers", "array", np.zeros((2, 4, 4)))
    with pytest.raises(ValueError, match="finite"):
        Panel("Numbers", "array", np.full((4, 4), np.nan))
    with pytest.raises(ValueError, match="a dict or a list of dicts"):
        Panel("Record", "table", "text")
    with pytest.raises(ValueError, match="at least one panel"):
        ModalityViewer([])


def test_a_record_becomes_a_table():
    assert pack_table({"colour": "red", "at": (1, 2.5)})["rows"] == [["colour", "red"], ["at", "1, 2.5"]]
    objects = {"objects": [{"shape": "disc", "x": 1}, {"shape": "ring", "y": 2}]}
    assert pack_table(objects) == {"columns": ["shape", "x", "y"], "rows": [["disc", "1", ""], ["ring", "", "2"]]}


def test_an_upload_comes_in_pieces_and_ends_as_a_picture():
    seen = []

    def on_picture(data):
        seen.append(data)
        return GREY, f"{len(data)} bytes"

    upload = UploadPicture(on_picture)
    for piece, data in enumerate((b"abc", b"de")):
        content = {"piece": piece, "last": piece == 1, "filename": "my.png", "view": "v", "turn": 1}
        upload._on_message(upload, content, [memoryview(data)])
    assert seen == [b"abcde"]
    assert (upload._shown["text"], upload._shown["alt"]) == ("5 bytes", "your picture my.png")
    assert upload.filename == "my.png"
    assert (upload.picture == GREY).all()


def test_an_upload_over_the_limit_is_refused_in_python_too():
    upload = UploadPicture(lambda data: pytest.fail("must not be called"), megabytes=0.001)
    with pytest.raises(ValueError, match=r"the limit is 0\.001 MB"):
        upload.receive(bytes(2000))
    content = {"piece": 0, "last": False, "filename": "my.png", "view": "v", "turn": 1}
    upload._on_message(upload, content, [memoryview(bytes(2000))])
    assert "the limit is 0.001 MB" in upload._shown["error"]
    with pytest.raises(ValueError, match="empty"):
        upload.receive(b"")


def test_a_guess_is_kept_and_compared_with_the_answer():
    guess = predict()
    early = guess.reveal(7)
    assert early.sentence == "The answer is 7. Next time, commit to a guess first: then it sticks."
    guess.guess = 4
    assert early.sentence == "You said 4; it is 7: off by 3."
    assert guess.reveal(12.5).sentence == "You said 4; it is 12.5: off by 8.5."
    with pytest.raises(ValueError, match="goes from 0 to 10"):
        guess.guess = 11
    with pytest.raises(ValueError, match="finite"):
        guess.reveal(float("nan"))


def test_a_choice_takes_its_options_only():
    guess = Predict("Which?", options=["this", "that"])
    guess.guess = "that"
    assert guess.reveal("that").sentence == "You said that, and so it is."
    assert guess.reveal("this").sentence == "You said that; it is this."
    with pytest.raises(ValueError, match="one of this, that"):
        guess.reveal("neither")


@pytest.mark.parametrize("arguments", [{}, {"low": 0}, {"low": 0, "high": 1, "options": ["a", "b"]}])
def test_predict_takes_a_range_or_options(arguments):
    with pytest.raises(ValueError, match="either low= and high="):
        Predict("How?", **arguments)


def test_a_question_needs_an_explanation_for_every_option():
    with pytest.raises(ValueError, match="one explanation for each of its 2 options"):
        Question("What?", ["a", "b"], 0, ["Yes."])
    with pytest.raises(ValueError, match="all different"):
        Question("What?", ["a", "a"], 0, ["Yes.", "No."])
    with pytest.raises(ValueError, match="options 0 to 1; 2 is none"):
        Question("What?", ["a", "b"], 2, ["Yes.", "No."])


def test_the_matrix_refuses_what_is_no_matrix_of_cosines():
    names = ["a", "b"]
    for bad, message in [
        (np.zeros((2, 3)), r"not \[2, 3\]"),
        (np.full((2, 2), np.nan), "cosines"),
        (np.full((2, 2), 3.0), "cosines"),
        (np.zeros((13, 13)), "2 to 12"),
    ]:
        with pytest.raises(ValueError, match=message):
            TemperatureMatrix(bad, names, names)
    with pytest.raises(ValueError, match="as many names"):
        TemperatureMatrix(np.eye(2), ["a"], names)
    with pytest.raises(ValueError, match="temperature 0 is not between"):
        TemperatureMatrix(np.eye(2), names, names, temperature=0)


def test_an_empty_search_asks_nobody():
    box = SearchBox(lambda text: pytest.fail("must not be called"))
    assert ask(box, text="  ")["results"] == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"positions": np.zeros((2, 3))}, r"\[n, 2\]"),
        ({"labels": ["a"]}, "2 positions need 2 labels"),
        ({"modalities": ["text", "smell"]}, "smell is none of them"),
        ({"similarities": np.eye(3)}, r"similarities are \[2, 2\]"),
        ({"embeddings": np.eye(3)}, r"embeddings are \[2, d\]"),
        ({"similarities": np.eye(2), "embeddings": np.eye(2)}, "not both"),
        ({"pictures": {5: GREY}}, "points 0 to 1"),
        ({"pairs": [(0, 2)]}, "points 0 to 1"),
        ({"neighbours": 0}, "at least one"),
    ],
)
def test_the_map_refuses_what_does_not_fit_together(arguments, message):
    fitting = {"positions": np.eye(2), "labels": ["a", "b"], "modalities": ["text", "image"]}
    with pytest.raises(ValueError, match=message):
        JointMap(**(fitting | arguments))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"sounds": {3: np.zeros(9)}}, "sounds belong to points 0 to 2"),
        ({"sounds": {2: np.zeros((3, 9))}}, r"sound 2 is \[samples\] or \[2, samples\]"),
        ({"sounds": {2: np.full(9, 2.0)}}, "-1 to 1"),
        ({"sounds": {2: np.full(9, np.nan)}}, "-1 to 1"),
        ({"sample_rate": 10}, "8000 to 96000"),
        ({"chosen": 3}, "one of 0 to 2"),
    ],
)
def test_the_map_refuses_sounds_that_no_browser_plays(changed, message):
    with pytest.raises(ValueError, match=message):
        map_with_sounds(**changed)


def test_a_map_of_three_modalities_tells_of_each_of_them():
    alt = map_with_sounds().still()[1]
    assert alt == "a map of 1 points of modality text and 1 points of modality image and 1 points of modality audio"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"labels": ["one"]}, "2 pictures need as many labels"),
        ({"pictures": [], "labels": []}, "at least one"),
        ({"pictures": [GREY, GREY.astype(float)]}, "picture 1 is uint8"),
        ({"vectors": np.eye(3)}, "2 pictures need as many vectors"),
        ({"vectors": np.zeros((2, 2))}, "of some length"),
        ({"first": {}}, "at least one thing"),
        ({"second": {"red": [1.0, 0.0, 0.0]}}, "the vectors of second are 3 wide"),
        ({"weight": 1.5}, "from 0 to 1"),
    ],
)
def test_a_weighted_sum_refuses_what_does_not_fit_together(changed, message):
    with pytest.raises(ValueError, match=message):
        weighted_sum(**changed)


def test_a_weighted_sum_shows_what_lies_nearest_to_the_weighted_sum():
    assert weighted_sum().nearest() == [0, 1]
    assert weighted_sum(weight=1).nearest() == [1, 0]
    # a vector counts by its direction: red is twice as long, and weighs no more
    assert weighted_sum(weight=0.4).nearest() == [0, 1]
    assert "a hum and red, weighed 0.50 and 0.50" in weighted_sum(weight=0.5).still()[1]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"maps": np.full((3, 16), 1 / 16)}, r"not \[3, 16\]"),
        ({"maps": np.full((2, 4, 16), 1 / 16)}, r"3 words"),
        ({"maps": np.full((2, 3, 15), 1 / 15)}, "square grid"),
        ({"maps": np.full((2, 3, 16), 1 / 15)}, "sum to 1"),
        ({"maps": np.full((2, 3, 16), np.nan)}, "sum to 1"),
        ({"picture": GREY.astype(np.float32)}, "the picture of a look"),
    ],
)
def test_a_look_refuses_maps_that_are_none(changed, message):
    with pytest.raises(ValueError, match=message):
        look(**changed)


def test_attention_maps_need_looks_with_as_many_layers():
    with pytest.raises(ValueError, match="at least one look"):
        PictureAttention([])
    with pytest.raises(ValueError, match="have 1, 2"):
        PictureAttention([look(), look(maps=np.full((1, 3, 16), 1 / 16))])
    assert PictureAttention([look()]).looks[0].question == "what"


def test_the_glossary_holds_every_term_in_three_languages_and_links_to_no_lesson_that_is_not_there():
    terms = Glossary()._spec["terms"]
    (modality,) = [term for term in terms if term["title"] == "modality"]
    assert (modality["simplified"], modality["traditional"]) == ("模态", "模態")
    assert modality["lesson"] == "1.1 What is a modality?"
    (unbuilt,) = [term for term in terms if term["title"].startswith("visual question answering")]
    assert unbuilt["lesson"].endswith("(planned)")


def test_a_glossary_of_a_few_terms_and_of_none():
    few = Glossary([Term("word", "词", "詞", "What one says.", "1.1")])
    assert [term["title"] for term in few._spec["terms"]] == ["word"]
    assert "from word to word" in few.still()[1]
    with pytest.raises(ValueError, match="a glossary needs terms"):
        Glossary([])
