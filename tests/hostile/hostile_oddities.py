"""What learners do and mean no harm by. Each has full points.

`ODDITIES` maps what is odd to the answers in which it is; the other exercises of the lesson are answered as usual.
"""

from __future__ import annotations

from textwrap import dedent

ODDITIES: dict[str, dict[str, str]] = {}


def oddity(name: str, exercise: str, source: str, **others: str) -> None:
    """Add an oddity in the answer to `exercise`; `others` are answers that go with it, as `x9_7_2`."""
    assert name not in ODDITIES
    answers = {exercise: source} | {key[1:].replace("_", "."): text for key, text in others.items()}
    ODDITIES[name] = {key: dedent(text).strip("\n") for key, text in answers.items()}


BRIGHTNESS = """
def brightness(picture):
    return picture.float().mean().item() / 255
"""

# output -------------------------------------------------------------------------------------------------------------

oddity(
    "warnings on stderr",
    "0.1.1",
    """
    import sys
    import warnings

    warnings.warn("this is old")
    print("careful", file=sys.stderr)

    def brightness(picture):
        warnings.warn("this too", DeprecationWarning, stacklevel=2)
        sys.stderr.write("careful\\n")
        return picture.float().mean().item() / 255
    """,
)
oddity(
    "warnings are errors, and there is none",
    "0.1.1",
    'import warnings\nwarnings.simplefilter("error")\n' + BRIGHTNESS,
)
oddity(
    "prints",
    "0.1.1",
    """
    print("defining")

    def brightness(picture):
        print(picture, flush=True)
        return picture.float().mean().item() / 255

    print(brightness(torch.zeros(3, 2, 2, dtype=torch.uint8)))
    """,
)
oddity(
    "prints much",
    "9.7.1",
    "def doubled(table):\n    for _ in range(200):\n        print('x' * 10_000)\n    return 2 * table",
)
oddity(
    "logging",
    "0.1.1",
    """
    import logging

    logging.basicConfig(level=logging.DEBUG)
    log = logging.getLogger("brightness")

    def brightness(picture):
        log.warning("a picture of %s", tuple(picture.shape))
        return picture.float().mean().item() / 255
    """,
)
oddity(
    "a progress bar",
    "0.1.1",
    """
    from tqdm.auto import tqdm

    def brightness(picture):
        total = 0
        for channel in tqdm(picture):
            total += channel.float().sum().item()
        return total / picture.numel() / 255
    """,
)
oddity(
    "plots",
    "0.1.1",
    """
    import matplotlib.pyplot as plt

    def brightness(picture):
        figure, axes = plt.subplots()
        axes.imshow(picture.permute(1, 2, 0))
        axes.set_title("A picture")
        plt.show()
        return picture.float().mean().item() / 255

    plt.hist([1, 2, 3])
    plt.savefig("picture.png")
    """,
)
oddity(
    "shows with IPython",
    "0.1.1",
    """
    from IPython.display import HTML, Markdown, clear_output, display

    display(Markdown("**bold**"), HTML("<b>bold</b>"))
    clear_output()
    """
    + BRIGHTNESS.replace("\n", "\n    "),
)
oddity("looks at the answer", "0.1.1", BRIGHTNESS + "\nbrightness")
oddity("text of all the world", "0.1.1", "# Größe, 明るさ, яркость 🙂\n" + BRIGHTNESS + '\nπ = "ß\\u2028 🙂"\nprint(π)')

# time, memory, threads ----------------------------------------------------------------------------------------------

oddity(
    "slow, within the limit", "9.7.1", "import time\n\ndef doubled(table):\n    time.sleep(0.1)\n    return 2 * table"
)
oddity(
    "slow in the cell, within the limit",
    "9.7.1",
    "import time\ntime.sleep(0.3)\ndef doubled(table):\n    return 2 * table",
)
oddity(
    "a background thread",
    "9.7.1",
    """
    import threading
    import time

    def forever():
        while True:
            time.sleep(0.01)

    threading.Thread(target=forever).start()

    def doubled(table):
        return 2 * table
    """,
)
oddity(
    "a pool of threads",
    "9.7.2",
    """
    from concurrent.futures import ThreadPoolExecutor

    def row_sums(table):
        with ThreadPoolExecutor(8) as pool:
            return torch.stack(list(pool.map(torch.sum, table)))
    """,
)
oddity(
    "a MemoryError that is caught",
    "9.7.1",
    """
    def doubled(table):
        try:
            too_much = bytearray(10**13)
        except MemoryError:
            too_much = None
        return 2 * table
    """,
)
oddity(
    "a tensor that does not fit, caught",
    "9.7.1",
    """
    def doubled(table):
        try:
            torch.ones(10**12)
        except RuntimeError:
            pass
        return 2 * table
    """,
)
oddity("a hundred megabytes", "9.7.1", "big = torch.zeros(25_000_000)\ndef doubled(table):\n    return 2 * table")
oddity("files of its own", "9.7.1", """
    import os
    import pathlib
    import tempfile

    pathlib.Path("notes.txt").write_text("twice")
    with tempfile.TemporaryDirectory() as folder:
        torch.save(torch.ones(3), os.path.join(folder, "ones.pt"))
        ones = torch.load(os.path.join(folder, "ones.pt"))

    def doubled(table):
        return table * (1 + ones[0]) if pathlib.Path("notes.txt").exists() else None
    """)  # fmt: skip
oddity(
    "errors that are caught",
    "9.7.2",
    """
    def row_sums(table):
        try:
            return table.nonsense()
        except AttributeError:
            pass
        try:
            raise KeyboardInterrupt
        except BaseException:
            return table.sum(1)
    """,
)
oddity("deep recursion", "9.7.2", """
    import sys

    sys.setrecursionlimit(10_000)

    def total(row):
        return row[0] + total(row[1:]) if len(row) else torch.tensor(0.0)

    def row_sums(table):
        assert total(torch.zeros(500)) == 0
        return torch.stack([total(row) for row in table])
    """)  # fmt: skip

# other right answers ------------------------------------------------------------------------------------------------

oddity("float64 instead of float32", "9.7.1", "def doubled(table):\n    return 2 * table.double()")
oddity(
    "by numpy, and back",
    "9.7.2",
    "import numpy as np\n\ndef row_sums(table):\n    return torch.from_numpy(np.add.reduce(table.numpy(), 1))",
)
oddity("by einsum", "9.7.2", 'row_sums = lambda table: torch.einsum("i j -> i", table)')
oddity(
    "with gradients attached",
    "9.7.1",
    "weight = torch.nn.Parameter(torch.tensor(2.0))\ndef doubled(table):\n    return weight * table",
)
oddity("a view of something else", "9.7.1", "def doubled(table):\n    return torch.stack([2 * table, table])[0]")
oddity("a transposed tensor", "9.7.1", "def doubled(table):\n    return (2 * table.T.contiguous()).T")
oddity("a partial function", "9.7.1", "from functools import partial\ndoubled = partial(torch.mul, torch.tensor(2.0))")
oddity("an object that can be called", "9.7.1", """
    class Doubled:
        def __call__(self, table):
            return 2 * table

    doubled = Doubled()
    """)  # fmt: skip
oddity("a compiled number", "2.3.1", "wrong_pairs = 128 * 127.0")
oddity("a number in a tensor", "2.3.1", "wrong_pairs = torch.tensor(128) * 127")
oddity("a number of numpy's", "2.3.1", "import numpy as np\nwrong_pairs = np.prod([128, 127])")
oddity("a choice in capitals, as a list", "2.3.9", 'choice = ["C ", 2]')
oddity("settings of numpy's", "2.3.4", "import numpy as np\nsettings = dict(temperature=np.float64(0.05))")
oddity(
    "recall as tensors, in float64",
    "2.3.6",
    """
    def recall_at_1(similarities):
        similarities = similarities.numpy()
        right = similarities.diagonal()
        rows, columns = similarities.max(axis=1) == right, similarities.max(axis=0) == right
        return [torch.tensor(rows.mean()), torch.tensor(columns.mean())]
    """,
)
oddity(
    "a module written from other modules",
    "2.3.5",
    """
    class Towers(nn.Module):
        def __init__(self, image_width, text_width, width):
            super().__init__()
            self.image_projection = nn.Linear(image_width, width, bias=False)
            self.text_projection = nn.Linear(text_width, width, bias=False)

    class DualEncoderHead(Towers):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.register_parameter("logit_scale", nn.Parameter(torch.zeros(())))
            self.last = None

        def forward(self, image_features, text_features):
            images = self.image_projection(image_features)
            texts = self.text_projection(text_features)
            self.last = F.cosine_similarity(images[:, None], texts[None], dim=-1)
            return self.logit_scale.exp() * self.last
    """,
)
oddity(
    "a helper from an earlier answer",
    "9.7.2",
    "def row_sums(table):\n    return doubled(table).sum(dim=1) / 2",
)
oddity(
    "a helper, an import and a constant from an earlier answer",
    "9.7.2",
    "def row_sums(table):\n    return halved(doubled(np.asarray(table))).sum(dim=AXIS)",
    x9_7_1="""
    import numpy as np

    AXIS = 1

    def halved(table):
        return torch.as_tensor(table) / 2

    def doubled(table):
        return torch.as_tensor(2 * table)
    """,
)
oddity(
    "a dataclass and an enumeration",
    "9.7.1",
    """
    from __future__ import annotations

    import enum
    from dataclasses import dataclass

    class Factor(enum.IntEnum):
        TWO = 2

    @dataclass
    class Times:
        factor: Factor

        def __call__(self, table: torch.Tensor) -> torch.Tensor:
            return self.factor * table

    doubled = Times(Factor.TWO)
    """,
)

# in the notebook's own way ------------------------------------------------------------------------------------------

oddity(
    "magic commands",
    "0.1.1",
    """
    %matplotlib inline
    %load_ext autoreload
    %autoreload 2
    !pip install numpy
    files = !ls
    """
    + BRIGHTNESS.replace("\n", "\n    ")
    + """
    %timeit brightness(torch.zeros(3, 4, 4, dtype=torch.uint8))
    brightness?
    """,
)
oddity("the cell is timed", "0.1.1", "%%time\n" + BRIGHTNESS)
oddity("the cell's output is captured", "0.1.1", "%%capture said\n" + BRIGHTNESS + "\nprint(1)")
oddity("checks itself in the answer cell", "0.1.1", BRIGHTNESS + '\ncheck("0.1.1", brightness)\nhint("0.1.1")')
oddity(
    "asks for the options in the answer cell", "0.1.3", 'options("0.1.3")\nchoice = ("b", 1)\ncheck("0.1.3", choice)'
)
oddity("an experiment below that fails", "0.1.1", BRIGHTNESS + "\nbrightness(missing_picture)")
oddity(
    "an experiment below that uses the course's own code",
    "0.1.1",
    BRIGHTNESS + "\nscenes = sample_scenes(3, seed=1)\nshow_pictures(render_pictures(scenes))\nbrightness(scenes[0])",
)
oddity("an experiment below that ends the cell", "0.1.1", BRIGHTNESS + "\nimport sys\nsys.exit()")
oddity(
    "the stub is kept, above",
    "0.1.1",
    'def brightness(picture):\n    raise NotImplementedError("exercise 0.1.1")\n' + BRIGHTNESS,
)
oddity(
    "assertions of its own",
    "0.1.1",
    BRIGHTNESS + "\nassert brightness(torch.full((3, 2, 2), 255, dtype=torch.uint8)) == 1",
)
oddity("`if __name__`", "0.1.1", BRIGHTNESS + '\nif __name__ == "__main__":\n    print(brightness.__module__)')
oddity(
    "tabs and CRLF",
    "0.1.1",
    "def brightness(picture):\r\n\tvalue = picture.float().mean()\r\n\treturn value.item() / 255\r\n",
)
oddity("no line at the end, and blanks", "0.1.1", BRIGHTNESS.rstrip() + "   \n\n   ")
oddity("the environment is read and written", "0.1.1", """
    import os

    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
    home = os.path.expanduser("~")

    def brightness(picture):
        assert os.environ["TOKENIZERS_PARALLELISM"] == "false"
        return picture.float().mean().item() / 255
    """)  # fmt: skip
oddity("seeds are set", "0.1.1", """
    import random

    import numpy as np

    random.seed(1)
    np.random.seed(1)
    torch.manual_seed(1)
    """ + BRIGHTNESS.replace("\n", "\n    "))  # fmt: skip
oddity(
    "another default dtype",
    "9.7.1",
    "torch.set_default_dtype(torch.float64)\n\ndef doubled(table):\n    return torch.tensor(2.0) * table",
)
oddity(
    "gradients are switched off", "9.7.1", "torch.set_grad_enabled(False)\n\ndef doubled(table):\n    return 2 * table"
)
oddity("other threads for torch", "9.7.1", "torch.set_num_threads(2)\n\ndef doubled(table):\n    return 2 * table")
oddity("a device is asked for", "9.7.1", """
    device = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"

    def doubled(table):
        return 2 * table.to(device)
    """)  # fmt: skip
oddity("something harmless is patched", "9.7.1", """
    torch.Tensor.twice = lambda self: 2 * self
    torch.Tensor.__repr__ = lambda self: "a tensor"

    def doubled(table):
        return table.twice()
    """)  # fmt: skip
oddity("names of the setup are used anew", "9.7.3", 'check = options = print\nmath = None\nchoice = ("b", 2)')
oddity("type hints of jaxtyping", "2.3.7", """
    def class_vectors(text_vectors: Float[Tensor, "classes prompts width"]) -> Float[Tensor, "classes width"]:
        mean: Float[Tensor, "classes width"] = text_vectors.mean(dim=1)
        return mean / mean.norm(dim=-1, keepdim=True)
    """)  # fmt: skip

oddity(
    "the course's own code at work above the answer",
    "0.1.1",
    f"show_pictures(render_pictures(sample_scenes(2, seed=1)))\n{BRIGHTNESS}",
)
oddity("the notebook's own variables shown above the answer", "0.1.1", f"print(scene)\n{BRIGHTNESS}")
oddity("await, as notebooks allow it", "0.1.1", f"import asyncio\nawait asyncio.sleep(0)\n{BRIGHTNESS}")
oddity(
    "the shell, imported",
    "0.1.1",
    f"from IPython import get_ipython\nget_ipython().run_line_magic('matplotlib', 'inline')\n{BRIGHTNESS}",
)
oddity("annotations that are put off", "0.1.1", f"from __future__ import annotations\n{BRIGHTNESS}")

LOST: dict[str, tuple[str, str]] = {
    "a right answer after which no thread can be started": (
        "def brightness(picture):\n"
        "    import resource\n"
        "    resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))\n"
        "    return picture.float().mean().item() / 255",
        "an exercise after one that passed is not run again by itself",
    ),
}
"""Oddities in the answer to 0.1.1 that should have full points and have none yet, each with the reason."""
