"""Each lesson as its learner meets it, in JupyterLab: run from top to bottom, its widgets moved, an exercise solved."""

import io
import shutil

import pytest

from utils.exercises import find_exercise
from utils.lessons import LESSONS, find_lesson

# an exercise of each lesson, with a wrong answer whose name the check must know, and a right one
ANSWERS = {
    "0.1": (
        "0.1.1",
        "def brightness(picture):\n    return picture.float().mean().item()",
        "still from 0 to 255",
        "def brightness(picture):\n    return float((picture / 255).mean())",
    ),
    "1.1": (
        "1.1.2",
        "def to_tensor(pixels):\n    return pixels.reshape(3, *pixels.shape[:2]).float() / 255",
        "reshape instead of permute",
        "def to_tensor(pixels):\n    return torch.einsum('hwc->chw', pixels.float()) / 255",
    ),
    "1.2": (
        "1.2.5",
        "def combine(beliefs):\n    return beliefs.mean(dim=0)",
        "averaged",
        "def combine(beliefs):\n    return torch.softmax(beliefs.log().sum(dim=0), dim=-1)",
    ),
    "1.3": (
        "1.3.1",
        "def next_tokens(logits, tokens):\n"
        "    return logits[torch.arange(len(tokens)), (tokens != 0).sum(1) - 2].argmax(-1)",
        "the word before the last",
        "def next_tokens(logits, tokens):\n"
        "    return logits.argmax(-1).gather(1, (tokens != 0).sum(1, keepdim=True) - 1)[:, 0]",
    ),
    "2.1": (
        "2.1.3",
        "def attention(q, k, v):\n    return (q @ k.T).softmax(dim=-1) @ v",
        "not scaled",
        "def attention(q, k, v):\n    return F.scaled_dot_product_attention(q[None], k[None], v[None])[0]",
    ),
    "2.2": (
        "2.2.3",
        "def log_mel_energies(power, filters):\n    return (filters @ power).clamp(min=1e-10).log10()",
        "no floor",
        "def log_mel_energies(power, filters):\n    loudness = (filters @ power).clamp(min=1e-10).log10()\n"
        "    return loudness.clamp(min=loudness.max().item() - 8)",
    ),
    "2.3": (
        "2.3.2",
        "def cosine_similarities(images, texts):\n    return images @ texts.T",
        "dot products, not cosines",
        "def cosine_similarities(images, texts):\n    return F.cosine_similarity(images[:, None], texts[None], dim=-1)",
    ),
    "2.5": (
        "2.5.5",
        "def mix(sounds, words, weight):\n    return F.normalize(weight * sounds + (1 - weight) * words, dim=-1)",
        "weights exchanged",
        "def mix(sounds, words, weight):\n    return F.normalize(torch.lerp(sounds, words, weight), dim=-1)",
    ),
    "2.6": (
        "2.6.4",
        "def merge(weight, lora_A, lora_B, alpha):\n    return weight + lora_B @ lora_A",
        "alpha forgotten",
        "def merge(weight, lora_A, lora_B, alpha):\n"
        "    return torch.addmm(weight, lora_B, lora_A, alpha=alpha / len(lora_A))",
    ),
    "2.4": (
        "2.4.1",
        "def cross_attention(queries, keys, values):\n"
        "    return (queries @ keys.T / keys.shape[-1] ** 0.5).softmax(dim=0) @ values",
        "softmax over the words",
        "def cross_attention(queries, keys, values):\n"
        "    return F.scaled_dot_product_attention(queries[None], keys[None], values[None])[0]",
    ),
    "2.7": (
        "2.7.3",
        "def two_way_accuracy(logits, words, answers):\n    said = words.gather(1, answers[:, None])[:, 0]\n"
        "    return (logits.argmax(dim=1) == said).float().mean().item()",
        "the whole vocabulary competes",
        "def two_way_accuracy(logits, words, answers):\n    second = logits.gather(1, words).diff(dim=1)[:, 0] > 0\n"
        "    return (second.long() == answers).float().mean().item()",
    ),
    "2.8": (
        "2.8.3",
        "def flow_example(noise, picture, time):\n    t = time[:, None]\n"
        "    return (1 - t) * noise + t * picture, picture",
        "the picture for the velocity",
        "def flow_example(noise, picture, time):\n    t = time[:, None]\n"
        "    return noise + t * (picture - noise), picture - noise",
    ),
    "2.9": (
        "2.9.3",
        "def iou(one, other):\n    total = (one.sum() + other.sum()).item()\n"
        "    return 2 * (one & other).sum().item() / total if total else 1.0",
        "Dice's coefficient",
        "def iou(one, other):\n    both = torch.logical_and(one, other).sum().item()\n"
        "    either = one.sum().item() + other.sum().item() - both\n    return both / either if either else 1.0",
    ),
    "3.1": (
        "3.1.4",
        "def rerank(candidates, scores):\n    return scores.argsort(dim=1, descending=True)",
        "places, not pictures",
        "def rerank(candidates, scores):\n    order = scores.topk(scores.shape[1], dim=1).indices\n"
        "    return torch.take_along_dim(candidates, order, dim=1)",
    ),
    "3.2": (
        "3.2.2",
        "def co_attention(words, patches):\n    shares = (words @ patches.T / words.shape[1] ** 0.5).softmax(dim=1)\n"
        "    return words + shares @ patches, patches + shares.T @ words",
        "one softmax for both",
        "def co_attention(words, patches):\n"
        "    seen = F.scaled_dot_product_attention(words[None], patches[None], patches[None])[0]\n"
        "    return words + seen, patches + F.scaled_dot_product_attention(patches[None], words[None], words[None])[0]",
    ),
    "3.3": (
        "3.3.1",
        "def splice(tokens, embeddings, soft, image):\n    sequence = embeddings.clone()\n"
        "    sequence[tokens == image] += soft.flatten(0, 1)\n    return sequence",
        "added to the placeholder",
        "def splice(tokens, embeddings, soft, image):\n"
        "    return embeddings.masked_scatter((tokens == image).unsqueeze(2), soft)",
    ),
    "3.4": (
        "3.4.4",
        "def sees(tokens, number, image):\n"
        "    return (tokens == image).cumsum(dim=1).unsqueeze(2) >= torch.arange(1, number + 1)",
        "all pictures so far",
        "def sees(tokens, number, image):\n    latest = (tokens == image).cumsum(dim=1)\n"
        "    return torch.stack([latest == picture for picture in range(1, number + 1)], dim=2)",
    ),
    "3.5": (
        "3.5.1",
        "def route(logits, top_k):\n    shares, chosen = logits.softmax(dim=-1).topk(top_k, dim=-1)\n"
        "    return torch.zeros_like(logits).scatter(1, chosen, shares)",
        "not shared out again",
        "def route(logits, top_k):\n    last = logits.topk(top_k, dim=-1).values[:, -1:]\n"
        "    return logits.masked_fill(logits < last, float('-inf')).softmax(dim=-1)",
    ),
    "3.6": (
        "3.6.1",
        "def front(models):\n    return [n for n, a, c in models if not any(b > a and d < c for _, b, d in models)]",
        "only who is better in both",
        "def front(models):\n    def beats(other, one):\n"
        "        return other[1] >= one[1] and other[2] <= one[2] and other[1:] != one[1:]\n\n"
        "    return [one[0] for one in models if not any(beats(other, one) for other in models)]",
    ),
    "3.7": (
        "3.7.3",
        "def for_validation(pictures, originals):\n    return pictures % 4 == 0",
        "mirror images by their own number",
        "def for_validation(pictures, originals):\n"
        "    return torch.where(pictures >= originals, pictures - originals, pictures).remainder(4) == 0",
    ),
    "3.8": (
        "3.8.4",
        "def reward_loss(chosen, rejected):\n    return -F.logsigmoid(rejected - chosen).mean()",
        "the wrong one wins",
        "def reward_loss(chosen, rejected):\n    return F.softplus(rejected - chosen).mean()",
    ),
    "3.9": (
        "3.9.4",
        "def tile_tokens(width, height, tile, per_tile, whole):\n"
        "    return (width // tile) * (height // tile) * per_tile + whole",
        "rounded down",
        "def tile_tokens(width, height, tile, per_tile, whole):\n"
        "    return len(range(0, width, tile)) * len(range(0, height, tile)) * per_tile + whole",
    ),
}


@pytest.fixture(scope="module", params=[lesson.id for lesson in LESSONS])
def lesson(request):
    return find_lesson(request.param)


@pytest.fixture(scope="module")
def page(lab, lesson):
    """The learner's notebook, opened and run from top to bottom, unsolved."""
    target = lab.root / lesson.notebook.name
    shutil.copy(lesson.notebook, target)
    page = lab.open(target.name)
    page.run_all(timeout=600)
    yield page
    page.close()


def test_an_unsolved_lesson_runs_to_its_end_without_an_error(page, lesson):
    page.screenshot(f"lesson-{lesson.id}-run")
    assert page.page.locator(".jp-RenderedText[data-mime-type='application/vnd.jupyter.stderr']").count() == 0
    assert page.page.locator(".jp-OutputArea-output[data-mime-type='application/vnd.jupyter.error']").count() == 0


def state(widget) -> list:
    """All that a widget shows: its words, and its pictures as addresses."""
    return widget.evaluate(
        """(node) => [
            node.innerText,
            ...[...node.querySelectorAll('canvas')].map((canvas) => canvas.toDataURL()),
            ...[...node.querySelectorAll('img')].map((image) => image.src),
        ]"""
    )


def move(widget) -> bool:
    """Use the first control that a widget has; return whether it has one."""
    for selector, act in (
        ("[role=tab]:not([aria-selected=true])", lambda control: control.click()),
        ("input[type=file]", lambda control: control.set_input_files(_PICTURE)),
        ("input[type=range]", lambda control: control.press("End" if at_its_start(control) else "Home")),
        ("select", lambda control: control.select_option(index=1)),
        ("input[type=radio]:not(:checked)", lambda control: control.check()),
        (".course-question button", lambda control: control.click()),
        ("input:not([type])", lambda control: control.fill("a small green square")),
        ("input[type=text], input[type=search]", lambda control: control.fill("a small green square")),
    ):
        controls = widget.locator(selector)
        if controls.count():
            act(controls.first)
            if widget.locator(".course-primary").count():  # a guess counts once it is committed
                widget.locator(".course-primary").click()
            return True
    return False


def at_its_start(slider) -> bool:
    return slider.evaluate("element => element.value === element.min")


def _picture() -> dict:
    from PIL import Image

    buffer = io.BytesIO()
    Image.new("RGB", (60, 40), "orange").save(buffer, "PNG")
    return {"name": "mine.png", "mimeType": "image/png", "buffer": buffer.getvalue()}


_PICTURE = _picture()


def test_each_widget_of_a_lesson_moves(page, lesson):
    widgets = page.page.locator(".course-widget")
    moved = 0
    for i in range(widgets.count()):
        widget = widgets.nth(i)
        widget.scroll_into_view_if_needed()
        before = state(widget)
        if not move(widget):
            assert widget.get_attribute("aria-label") == "Your guess against the answer"
            continue
        for _ in range(50):
            if state(widget) != before:
                break
            page.page.wait_for_timeout(100)
        assert state(widget) != before, f"{widget.get_attribute('aria-label')} shows the same after it was moved"
        moved += 1
        page.screenshot(f"lesson-{lesson.id}-widget-{i}", widget)
    assert moved > 0


def test_each_widget_of_a_lesson_is_accessible(page, lesson):
    widgets = page.page.locator(".course-widget")
    assert widgets.count() > 0
    for i in range(widgets.count()):
        assert page.axe(widgets.nth(i)) == []


def test_a_wrong_answer_is_diagnosed_and_a_right_one_passes(page, lesson):
    if lesson.id not in ANSWERS:
        pytest.fail(f"lesson {lesson.id} has no answers to type here: add a wrong and a right one")
    number, wrong, name, right = ANSWERS[lesson.id]
    answer, check = (f"{kind}-{number.replace('.', '-')}" for kind in ("answer", "check"))
    for typed in (wrong, right):
        page.type_in_cell(answer, typed)
        page.run_cell(answer)
        page.run_cell(check)
        shown = page.cell_output_text(check)
        if typed is wrong:
            page.screenshot(f"lesson-{lesson.id}-diagnosis", page.cell(check))
            assert name in shown
        else:
            assert f"{find_exercise(number).title}: passed" in shown
