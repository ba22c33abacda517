"""The notebook of the widget tests: one cell for each widget, fed with made-up data."""

from __future__ import annotations

COMMON = '''
import time

import numpy as np
from utils.widgets import *

COLOURS = {"red": (213, 60, 40), "blue": (40, 90, 200), "green": (30, 150, 90)}

def picture(colour="red", shape="square", size=9, x=16, y=16):
    """Paint one shape on grey."""
    rows, columns = np.mgrid[0:32, 0:32]
    inside = {
        "square": (abs(rows - y) <= size // 2) & (abs(columns - x) <= size // 2),
        "disc": (rows - y) ** 2 + (columns - x) ** 2 <= (size / 2) ** 2,
    }[shape]
    canvas = np.full((3, 32, 32), 225, dtype=np.uint8)
    canvas[:, inside] = np.array(COLOURS[colour], dtype=np.uint8)[:, None]
    return canvas
'''

FIGURE = """
class Waves(FigureWidget):
    title = "Two waves"
    caption = "Raise the frequency: where do the waves cancel?"
    controls = [
        Slider("frequency", "Frequency", 1.0, 10.0, value=2.0, unit="Hz"),
        Slider("scale", "Scale", 0.01, 10.0, value=1.0, log=True),
        Select("shape", "Shape", ["sine", "square"]),
        Choice("colour", "Line", ["solid", "dashed"]),
        Toggle("sum", "show the sum"),
        TextBox("word", "Word", value="wave"),
        Button("again", "Again"),
    ]
    calls = 0

    def draw(self):
        axes = self.figure.subplots()
        self.x = np.linspace(0, 1, 400)
        (self.line,) = axes.plot(self.x, np.sin(self.x))
        axes.set(xlabel="seconds", ylabel="height", ylim=(-2.2, 2.2))
        axes.set_title("A wave follows its frequency", loc="left")

    def update(self, frequency, scale, shape, colour, sum, word, again):
        self.calls += 1
        if word == "slow":
            time.sleep(2.5)
        if word == "crash":
            raise RuntimeError("the wave broke")
        if word == "empty":
            raise ValueError("say a word that I know")
        y = np.sin(2 * np.pi * frequency * self.x + again)
        y = np.sign(y) if shape == "square" else y
        self.line.set_ydata(y * scale + (np.sin(self.x) if sum else 0))
        self.line.set_linestyle("--" if colour == "dashed" else "-")
        self.line.axes.set_title(f"{word} at {frequency:.1f} Hz", loc="left")
        return f"a {shape} wave of {frequency:.1f} Hz", f"{frequency:.1f} periods in a second"

waves = Waves()
waves
"""

MOVING = """
class Dot(FigureWidget):
    title = "One dot"
    caption = "Move the dot; nothing else is drawn again."
    controls = [Slider("x", "Place", 0, 100, value=50)]

    def draw(self):
        axes = self.figure.subplots()
        axes.plot(np.linspace(0, 100, 300), np.sin(np.linspace(0, 9, 300)), color="#6B7280")
        (self.dot,) = axes.plot([50], [0], "o", markersize=14)
        return [self.dot]

    def update(self, x):
        self.dot.set_data([x], [np.sin(9 * x / 100)])
        return f"a dot at {x}"

Dot()
"""

SCENE = """
def render(values):
    x = {"left": 9, "right": 22}[values["place"]]
    if values["size"] == 13 and values["shape"] == "disc":
        raise ValueError("a disc of 13 pixels does not fit")
    sentence = f"a {values['colour']} {values['shape']} on the {values['place']}"
    record = {"objects": [dict(values, x=x, y=16)]}
    return picture(values["colour"], values["shape"], values["size"], x), sentence, record

maker = SceneMaker(render, [
    Select("shape", "Shape", ["square", "disc"]),
    Select("colour", "Colour", list(COLOURS)),
    Slider("size", "Size", 5, 13, value=9, step=4, unit="pixels"),
    Choice("place", "Place", ["left", "right"]),
])
maker
"""

VIEWER = """
photo = picture("red", "disc", 13, 12, 14)
viewer = ModalityViewer([
    Panel("Picture", "picture", photo, alt="a red disc on grey", note="32 x 32 pixels"),
    Panel("Numbers", "array", photo, alt="a red disc on grey", note="3 x 32 x 32 = 3,072 numbers, a byte each"),
    Panel("Depth", "array", np.linspace(0, 1, 200).reshape(10, 20), alt="a slope", note="one number a pixel"),
    Panel("Caption", "tokens", [("<start>", 1), ("a", 5), ("red", 17), ("disc", 23), ("<end>", 2)], note="5 tokens"),
    Panel("Record", "table", [{"shape": "disc", "colour": "red", "size": 13, "x": 12, "y": 14}], alt="the objects"),
])
viewer
"""

UPLOAD = """
import io
from PIL import Image

def on_picture(data):
    try:
        image = Image.open(io.BytesIO(data)).convert("RGB")
    except OSError as error:
        raise ValueError("this file is not a picture that can be read") from error
    small = image.resize((32, 32))
    return np.asarray(small).transpose(2, 0, 1), f"{image.width} x {image.height} pixels, shown as 32 x 32"

upload = UploadPicture(on_picture, megabytes=20, title="Your own picture")
upload
"""

PREDICT = """
number = Predict("What share of 64 unseen captions will it find?", low=0.0, high=1.0, title="A number")
choice = Predict("Which takes more bytes?", options=["the picture", "the caption", "the record"], title="A choice")
late = Predict("How many numbers does a 32 x 32 colour picture hold?", low=0, high=5000, title="A late guess")
display(number, choice, late)
"""

REVEAL = """
display(number.reveal(0.97), choice.reveal("the picture"))
late.reveal(3072)
"""

QUIZ = """
Quiz([
    Question(
        f"Question {i}: what does a temperature near zero do to a softmax?",
        ["it makes all shares equal", "it gives everything to the largest", "nothing"],
        1,
        ["That is what a large temperature does.", "Small differences are blown up.", "Then it would have no name."],
    )
    for i in range(1, 6)
])
"""

MATRIX_VALUES = [[0.8, 0.3, 0.5, 0.1], [0.2, 0.6, 0.55, 0.0], [0.4, 0.3, 0.7, 0.2], [0.0, 0.1, 0.3, 0.5]]
MATRIX = f"""
TemperatureMatrix(
    {MATRIX_VALUES},
    ["red square", "blue square", "green disc", "red disc"],
    ["a red square on the left", "a blue square", "a green disc", "a red disc above"],
    pictures=[picture("red"), picture("blue"), picture("green", "disc"), picture("red", "disc")],
)
"""

SEARCH = """
def search(text):
    words = text.split()
    for word in words:
        if word not in [*COLOURS, "square", "disc", "a"]:
            raise ValueError(f"the model does not know the word {word!r}")
    found = []
    for colour in COLOURS:
        for shape in ("square", "disc"):
            score = ((colour in words) + (shape in words)) / 2
            found.append((picture(colour, shape, 13), score, f"a {colour} {shape}"))
    return sorted(found, key=lambda one: -one[1])[:5]

SearchBox(search, text="a red disc", suggestions=["a red square", "a blue disc"])
"""

MAP = """
rng = np.random.default_rng(0)
names = [(colour, shape) for colour in COLOURS for shape in ("square", "disc")]
centres = rng.normal(size=(6, 8))
space = np.concatenate([centres + 0.2 * rng.normal(size=(6, 8)), centres + 0.2 * rng.normal(size=(6, 8))])
plane = space @ np.linalg.svd(space - space.mean(0), full_matrices=False)[2][:2].T
JointMap(
    plane,
    [f"a {colour} {shape}" for colour, shape in names] + [f"picture of a {colour} {shape}" for colour, shape in names],
    ["text"] * 6 + ["image"] * 6,
    embeddings=space,
    pictures={6 + i: picture(colour, shape, 17) for i, (colour, shape) in enumerate(names)},
    pairs=[(i, i + 6) for i in range(6)],
    neighbours=3,
)
"""

FREE_MAP = """
JointMap(rng.normal(size=(300, 2)), [f"point {i}" for i in range(300)], ["text", "image"] * 150, title="Free map")
"""

SOUND_MAP = """
tones = 0.5 * np.sin(2 * np.pi * np.outer([220, 440, 880], np.arange(4000) / 8000))
kinds = ["text", "image", "audio"]
JointMap(
    rng.normal(size=(9, 2)),
    [f"{kind} {i}" for kind in kinds for i in range(3)],
    [kind for kind in kinds for _ in range(3)],
    embeddings=np.tile(np.eye(3), (3, 1)) + 0.1 * rng.normal(size=(9, 3)),
    sounds={6 + i: wave for i, wave in enumerate(tones)},
    neighbours=2,
    chosen=6,
    title="Map with sounds",
)
"""

WEIGHTED_SUM = """
WeightedSum(
    {"a hum": [1.0, 0.0], "a buzz": [0.8, 0.6]},
    {"blue": [0.0, 1.0]},
    [picture("red", "square", 13), picture("blue", "square", 13)],
    [[1.0, 0.1], [0.1, 1.0]],
    ["a red square", "a blue square"],
    names=("Sound", "Word"),
)
"""

GLOSSARY = "Glossary()"

BUDGET = """
ContextBudget({
    "middling": {"vocabulary": 30_000, "length": 2048, "width": 768, "depth": 12, "hidden": 3072},
    "tiny": {"vocabulary": 136, "length": 96, "width": 96, "depth": 4, "hidden": 384},
})
"""

PROMPT = """
def reply(document, request):
    for word in f"{document} {request}".split():
        if word not in ["a", "red", "blue", "disc", "what", "colour"]:
            raise ValueError(f"the model does not know the word {word!r}")
    colours = [word for word in document.split() if word in COLOURS]
    return " and ".join(colours) or "some colour"

PromptBox(reply, document="a red disc", request="what colour", documents=["a blue disc"], requests=["what"])
"""

CELLS = [
    COMMON,
    FIGURE,
    MOVING,
    SCENE,
    VIEWER,
    UPLOAD,
    PREDICT,
    REVEAL,
    QUIZ,
    MATRIX,
    SEARCH,
    MAP,
    FREE_MAP,
    SOUND_MAP,
    WEIGHTED_SUM,
    BUDGET,
    PROMPT,
    GLOSSARY,
]
