"""The pages stand alone, say what was graded to those it concerns, and do nothing that a learner's text asks for."""

from __future__ import annotations

import base64
import gzip
import os
import random
import re
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
from sample_class import HOSTILE, SENTENCE, START, entry, exercise, hostile_entries, large_class

from utils.grading.gradebook import Problem
from utils.grading.reports import LEARNERS_A_PAGE, learner_page, misconceptions_of, reached, write_reports
from utils.grading.results import class_results
from utils.grading.similarity import NOTHING_SIMILAR, Pair, Similarity

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
AXE = Path(__file__).parents[1] / "browser" / "vendor" / "axe.min.js.gz"
PROBLEM = Problem(
    source="w.zip: eve.ipynb", problem="w.zip: eve.ipynb is not JSON: ask again", learner="eve", name="Eve"
)


class Page(HTMLParser):
    """A page's elements with their attributes, and its text outside of style."""

    VOID = ("meta", "img", "br", "link", "input")

    def __init__(self, path: Path):
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.parts: list[str] = []
        self.source = path.read_text(encoding="utf-8")
        self.feed(self.source)
        assert self.open == []  # everything that was opened is closed

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.parts.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", "".join(self.parts))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def written(entries, folder, problems=(), similarity=NOTHING_SIMILAR) -> Page:
    """Write the reports of a class; the class page."""
    write_reports(class_results(entries, problems), folder, similarity)
    return Page(folder / "class.html")


def learners_page(learner: str, folder) -> Page:
    return Page(folder / learner_page(learner))


def two_learners() -> list:
    ada = entry(
        "ada",
        exercise("2.3.1", title="A batch", answer="answer = 63"),
        exercise("2.3.2", "not yet", earned=1.5, feedback=SENTENCE, misconception="not normalised",
                 groups={"small batches": True, "large batches": False}, answer="def f(x):\n    return x @ x.T"),
        exercise("2.3.3", "too slow", feedback="It was stopped after 10 seconds."),
        exercise("2.3.4", "to do", feedback="This is still to do."),
        exercise("2.3.5", "not graded"),
        exercise("2.3.6", "crashed", feedback="It raised ValueError in line 2 of the answer: return `x`"),
        name="Ada Lovelace",
        notes=["2.3.2 is answered in 2 cells (4, 9)"],
        submitted=START,
        late=True,
    )  # fmt: skip
    return [ada, entry("bob", lesson="0.1")]


# --- the learner's page


@pytest.fixture(scope="module")
def adas(tmp_path_factory) -> Page:
    folder = tmp_path_factory.mktemp("class")
    written(two_learners(), folder)
    return learners_page("ada", folder)


def test_a_learner_reads_points_status_and_feedback_of_each_exercise(adas):
    assert "Ada Lovelace" in adas.text
    assert "4.5 of 18 points, handed in 2025-03-01 12:00 UTC, late" in adas.text
    for status in ("✓ passed · 3 of 3", "✗ not yet · 1.5 of 3", "✗ too slow · 0 of 3", "○ to do", "? not graded"):
        assert status in adas.text
    assert SENTENCE in adas.text
    assert "✓ passed : small batches" in adas.text.replace("passed:", "passed :")
    assert "2.3.2 is answered in 2 cells (4, 9)" in adas.text
    assert "0.1 Start here was not handed in" in adas.text


def test_a_learner_reads_the_own_answer_as_it_was_written(adas):
    assert "<pre><code>def f(x):\n    return x @ x.T</code></pre>" in adas.source
    assert len(adas.all("pre")) == 2  # nothing where nothing was answered


def test_a_learner_reads_how_to_go_on_where_something_is_left(adas):
    assert adas.source.count("How to go on") == 4
    assert "course/2_how_it_works/3_contrastive_alignment.ipynb" in adas.text
    for number in (2, 3, 4, 6):
        assert f'hint("2.3.{number}")' in adas.text
    assert 'hint("2.3.1")' not in adas.text
    assert "This could not be graded, by no fault of yours" in adas.text


def test_a_learners_page_tells_of_nobody_else(tmp_path):
    entries = large_class(30)
    similarity = Similarity((pair_of("learner00001", "learner00002"),), {"2.3.1": 9})
    written(entries, tmp_path, [PROBLEM], similarity)
    page = learners_page("learner00001", tmp_path)
    assert set(re.findall("learner0[0-9]{4}", page.source)) == {"learner00001"}
    assert "alike" not in page.text
    assert "Eve" not in page.text


def test_a_learner_is_told_what_could_not_be_graded(tmp_path):
    written(two_learners(), tmp_path, [PROBLEM])
    assert "This could not be graded: w.zip: eve.ipynb is not JSON" in learners_page("eve", tmp_path).text


def test_code_in_a_sentence_is_set_as_code_and_a_lone_backtick_stays(tmp_path):
    lines = ("`x` and `<b>`", "a ` alone", "`a` b ` c", "```")
    written([entry(line, exercise("2.3.1", "crashed", feedback=line)) for line in lines], tmp_path)
    sources = [learners_page(line, tmp_path).source for line in lines]
    assert "<code>x</code> and <code>&lt;b&gt;</code>" in sources[0]
    assert "a ` alone" in sources[1]
    assert "<code>a</code> b ` c" in sources[2]


def test_a_huge_answer_is_cut_and_says_so(tmp_path):
    written([entry("ada", exercise("2.3.1", answer="x = 1\n" * 100_000))], tmp_path)
    page = learners_page("ada", tmp_path)
    assert len(page.source) < 30_000
    assert "… and 590,000 more characters" in page.text


# --- the class page


def pair_of(one: str, other: str, number="2.3.1", **fields) -> Pair:
    return Pair(
        **{"exercise": number, "learners": (one, other), "alike": 0.954, "shared": 60, "word_for_word": False, **fields}
    )


def test_the_class_page_links_every_learner_with_points(tmp_path):
    page = written(two_learners(), tmp_path, [PROBLEM])
    links = [link["href"] for link in page.all("a") if link["href"].startswith("reports/")]
    assert set(links) == {learner_page(learner) for learner in ("ada", "bob", "eve")}
    assert all((tmp_path / link).is_file() for link in links)
    assert "Ada Lovelace ada–4.54.5late: 2.3; not graded: 2.3.5" in page.text.replace(" –", "–")


def test_learners_stand_by_name_and_by_points(tmp_path):
    entries = [
        entry(f"l{number}", exercise("2.3.1", earned=float(earned), points=9.0), name=name)
        for number, (name, earned) in enumerate({"Cy": 5, "abe": 9, "Bo": 1}.items())
    ]
    page = written(entries, tmp_path)
    section = page.text.partition("By name")[2].partition("What could not")[0]
    by_name, _, by_points = section.partition("By points, fewest first")
    assert re.findall("abe|Bo|Cy", by_name) == ["abe", "Bo", "Cy"]
    assert re.findall("abe|Bo|Cy", by_points) == ["Bo", "Cy", "abe"]


def test_misconceptions_stand_with_their_sentence_the_most_frequent_first(tmp_path):
    names = ["half"] * 3 + ["no mean"] * 5 + ["rare", "rarer", "rarest"]
    entries = [
        entry(f"l{place}", exercise("2.3.3", "not yet", misconception=name, feedback=f"It is `{name}`."))
        for place, name in enumerate(names)
    ]
    entries.append(entry("given", exercise("2.3.3", "to do", misconception="half", feedback="still to do")))
    ((task, mistakes),) = misconceptions_of(class_results(entries, []))
    assert task.exercise == "2.3.3"
    assert [(one.name, one.count) for one in mistakes[:2]] == [("no mean", 5), ("half", 3)]
    assert len(mistakes) == 5
    page = written(entries, tmp_path)
    assert "5no meanIt is no mean." in page.text.replace("> ", ">")
    assert "2 less frequent" in page.text
    assert "Most frequent: “no mean” in 2.3.3" in pictures_text(page)


def pictures_text(page: Page) -> str:
    return " ".join(image["alt"] for image in page.all("img"))


def test_every_figure_is_an_svg_with_alternative_text_and_a_claim(tmp_path):
    page = written(large_class(30), tmp_path)
    images = page.all("img")
    assert len(images) == 4  # two lessons, where people stop, misconceptions
    for image in images:
        kind, _, data = image["src"].partition(",")
        assert kind == "data:image/svg+xml;base64"
        assert ET.fromstring(base64.b64decode(data)).tag.endswith("svg")
        assert len(image["alt"]) > 60
        assert int(image["width"]) > 500
    assert re.search(r"2\.3: exercise 2\.3\.\d earned least, \d+% of its points", pictures_text(page))


def test_where_people_stop_counts_those_who_tried_an_exercise_or_a_later_one(tmp_path):
    def tried(learner, *statuses):
        return entry(learner, *(exercise(f"2.3.{place}", status) for place, status in enumerate(statuses, start=1)))

    entries = [
        tried("a", "passed", "passed", "passed"),
        tried("b", "passed", "to do", "not yet"),  # left one out, went on
        tried("c", "passed", "to do", "to do"),
        tried("d", "to do", "to do", "to do"),
        tried("e", "crashed", "to do", "to do"),
    ]
    assert [(task.exercise, count) for task, count in reached(class_results(entries, []))] == [
        ("2.3.1", 4),
        ("2.3.2", 2),
        ("2.3.3", 2),
    ]
    assert "Most who stop do so before 2.3.2: 2 of 5 learners" in pictures_text(written(entries, tmp_path))


def test_what_could_not_be_graded_stands_with_the_reason(tmp_path):
    page = written(two_learners(), tmp_path, [PROBLEM, Problem(source="notes.pdf", problem="notes.pdf is no notebook")])
    assert PROBLEM.problem in page.text
    assert "notes.pdf is no notebook" in page.text
    assert "Exercise 2.3.5 could not be graded for 1 of the learners" in page.text


def test_stale_grades_are_told(tmp_path):
    page = written([replace(entry("ada"), stale=True), entry("bob")], tmp_path)
    assert "1 of the grades are from another nonce" in page.text
    assert "will be graded again" in learners_page("ada", tmp_path).text


def test_similar_answers_stand_side_by_side_and_the_page_says_what_they_do_not_show(tmp_path):
    entries = [entry(name, exercise("2.3.1", answer=f"{name} = 1")) for name in ("ada", "bob", "cy")]
    pairs = (pair_of("ada", "bob"), pair_of("bob", "cy", alike=1.0, word_for_word=True))
    page = written(entries, tmp_path, similarity=Similarity(pairs, {"2.3.2": 12}))
    assert "ada and bob: 95 % alike" in page.text
    assert "bob and cy: the same word for word" in page.text
    assert page.text.count("bob = 1") == 2
    assert "does not show that anybody copied" in page.text
    assert "Exercise 2.3.2: 12 answers are alike" in page.text


# --- classes of any size


def test_an_empty_class_has_a_page(tmp_path):
    page = written([], tmp_path)
    assert "Nobody has handed in anything yet" in page.text
    assert page.all("img") == []
    assert not (tmp_path / "reports").exists()


def test_a_class_of_one_has_its_pages(tmp_path):
    page = written([entry("ada", exercise("2.3.1"))], tmp_path)
    assert "everybody earned every point" in pictures_text(page)
    assert "Everybody tried the last exercise" in pictures_text(page)


def test_a_class_whose_only_file_was_damaged_has_its_pages(tmp_path):
    page = written([], tmp_path, [PROBLEM])
    assert "is not JSON" in page.text
    assert learner_page("eve") in page.source


def test_a_large_class_is_paged_and_nobody_is_left_out(tmp_path, measured):
    from utils.grading.reports import write_class_page

    results = class_results(large_class(2000), [])
    start = time.perf_counter()
    page = Page(write_class_page(results, tmp_path))
    seconds = time.perf_counter() - start
    measured(f"class page: 2,000 learners in {seconds:.1f} s, {len(page.source) / 1e6:.1f} MB")
    links = [link["href"] for link in page.all("a") if link["href"].startswith("reports/")]
    assert len(links) == 2 * 2000
    assert len(set(links)) == 2000
    assert len(page.all("details")) >= 2 * 2000 / LEARNERS_A_PAGE


def test_the_same_class_gives_the_same_bytes_and_untouched_files(tmp_path):
    entries = large_class(12)
    written(entries, tmp_path / "one", [PROBLEM])
    random.Random(4).shuffle(entries)
    slower = [replace(one, graded_at=START, grade=replace(one.grade, seconds=9.0)) for one in entries]
    written(slower, tmp_path / "two", [PROBLEM])

    def files(folder):
        return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.html")}

    assert files(tmp_path / "one") == files(tmp_path / "two")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "one").rglob("*")}
    written(entries, tmp_path / "one", [PROBLEM])
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "one").rglob("*")} == before


# --- hostile text


@pytest.fixture(scope="module")
def hostile(tmp_path_factory) -> Path:
    """The folder of a class whose every learner is hostile in every field."""
    folder = tmp_path_factory.mktemp("hostile")
    texts = list(HOSTILE.values())
    entries = [
        replace(one, grade=replace(one.grade, exercises=(replace(one.grade.exercises[0], misconception="known"),)))
        for one in hostile_entries()
    ]
    problems = [Problem(source=text, problem=text, learner=text, name=text) for text in texts]
    pairs = tuple(pair_of(one, other) for one, other in pairwise(texts))
    written(entries, folder, problems, Similarity(pairs, {"2.3.1": 3}))
    return folder


def all_pages(folder: Path) -> list[Page]:
    paths = sorted(folder.rglob("*.html"))
    assert len(paths) == len(HOSTILE) + 1
    return [Page(path) for path in paths]


def test_no_text_becomes_an_element_an_attribute_or_an_address(hostile):
    known = {
        "html", "head", "meta", "title", "style", "body", "header", "main", "section", "nav", "article", "figure",
        "img", "h1", "h2", "h3", "h4", "p", "a", "ul", "li", "dl", "dt", "dd", "div", "span", "bdi", "strong", "code",
        "pre", "details", "summary", "table", "thead", "tbody", "tr", "th", "td",
    }  # fmt: skip
    for page in all_pages(hostile):
        assert {tag for tag, _ in page.elements} <= known
        for _, attributes in page.elements:
            assert not [name for name in attributes if name.startswith("on")]
            for name in ("src", "href"):
                if name in attributes:
                    assert re.match("#[a-z0-9-]+$|reports/[a-z0-9-]+[.]html$|data:image/svg", attributes[name])


def test_hostile_text_is_there_to_be_read(hostile):
    page = Page(hostile / "class.html")
    assert HOSTILE["script"] in page.text
    assert HOSTILE["template"] in page.text
    assert r"file\u202egnp.exe" in page.text
    assert r"nul\x00nul" in page.text


def test_no_page_holds_a_control_character_or_a_mark_that_turns_the_writing(hostile):
    for page in all_pages(hostile):
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufffe\uffff]", page.source)


def test_every_page_forbids_scripts_and_requests(hostile):
    for page in all_pages(hostile):
        (policy,) = [
            meta["content"] for meta in page.all("meta") if meta.get("http-equiv") == "Content-Security-Policy"
        ]
        assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'; img-src data:;")
        assert "http:" not in page.source.replace("http://example.org", "")
        assert "https:" not in page.source


def test_file_names_are_safe_and_one_for_each_learner(hostile):
    names = [path.name for path in (hostile / "reports").iterdir()]
    assert len(names) == len(HOSTILE)
    assert all(re.fullmatch(r"[a-z0-9][a-z0-9-]{15,60}[.]html", name) for name in names)


# --- in a browser


@pytest.fixture(scope="module")
def browser(request):
    if CHROMIUM is None:
        pytest.skip("the pages are looked at in Chromium: install it, or Chrome, and put it on the PATH")
    driver = request.getfixturevalue("playwright_driver")
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    arguments = ["--disable-gpu", "--disable-dev-shm-usage", *(["--no-sandbox"] if root else [])]
    opened = driver.chromium.launch(executable_path=CHROMIUM, args=arguments)
    yield opened
    opened.close()


@pytest.mark.browser
def test_hostile_pages_run_nothing_and_ask_for_nothing(browser, hostile):
    page = browser.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for path in sorted(hostile.rglob("*.html")):
        page.goto(path.as_uri())
        page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        page.mouse.move(300, 300)
        assert page.title() != "owned"
    page.close()
    assert {address.partition(":")[0] for address in asked} <= {"file", "data"}
    assert len([address for address in asked if address.startswith("file")]) == len(HOSTILE) + 1


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_light_and_in_dark(browser, scheme, tmp_path):
    entries = [*two_learners(), *large_class(LEARNERS_A_PAGE + 5)]
    similarity = Similarity((pair_of("ada", "bob", "2.3.1"),), {"2.3.2": 12})
    written(entries, tmp_path, [PROBLEM], similarity)
    context = browser.new_context(color_scheme=scheme, bypass_csp=True, viewport={"width": 900, "height": 900})
    context.add_init_script(gzip.decompress(AXE.read_bytes()).decode())
    page = context.new_page()
    for path in (tmp_path / "class.html", tmp_path / learner_page("ada"), tmp_path / learner_page("eve")):
        page.goto(path.as_uri())
        page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        violations = page.evaluate("async () => (await window.axe.run()).violations")
        found = [
            f"{one['id']}: {node['html'][:200]} {node['failureSummary']}" for one in violations for node in one["nodes"]
        ]
        assert found == []
        assert page.evaluate("document.documentElement.scrollWidth") <= 900  # no page wider than its window
    context.close()


@pytest.mark.browser
def test_a_learners_page_is_printed_with_the_answers(browser, tmp_path):
    written(two_learners(), tmp_path)
    page = browser.new_page()
    page.goto((tmp_path / learner_page("ada")).as_uri())
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.locator("pre").first.is_visible()
    assert page.pdf().startswith(b"%PDF")
    page.close()


def test_importing_it_does_not_wait_for_torch_matplotlib_or_the_template_engine():
    heavy = {"torch", "matplotlib", "jinja2", "sklearn"}
    code = f"import sys; import utils.grading.reports; print({heavy} & set(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "set()"
