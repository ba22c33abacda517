"""The catalogue: every system of the article's row, a source for each, a fresh page, and faults that are named."""

from __future__ import annotations

import ast
import re

import pytest
import yaml
from repository import read_markdown

from utils.catalogue import (
    FAMILIES,
    NOT_GIVEN,
    PAGE,
    SOURCE,
    CatalogueError,
    MiniModel,
    catalogue,
    corrections,
    find_system,
    in_words,
    render_page,
    show_timeline,
    to_table,
)
from utils.lessons import LESSONS
from utils.style import MODALITY_COLOURS

SYSTEMS = list(catalogue().values())
# row A3.8 of the source article, and those after which its families are named
ROW = (
    *("GPT-4o", "Claude 3.5 Sonnet", "Claude 3.5 Haiku", "Gemini 1.5 Pro", "LLaVA-NeXT", "CogVLM", "Hunyuan-Vision"),
    *("ERNIE", "CAD-GPT", "Qwen-VL", "InternLM-XComposer2", "DALL-E", "Sora", "Stable Diffusion", "GPT-3", "BERT"),
    *("GPT-4V", "MM1", "MoE-LLaVA", "DeepSeek-V3", "GIT", "ViT"),
)
NAMESAKES = ("CLIP", "ViLBERT", "LXMERT", "LLaVA", "Flamingo")

each_system = pytest.mark.parametrize("system", SYSTEMS, ids=lambda system: system.name)


def test_every_system_of_the_row_is_there_and_those_that_name_the_families():
    assert len(ROW) == 22
    assert set(catalogue()) == {*ROW, *NAMESAKES}
    assert {system.family for system in SYSTEMS} == {*FAMILIES, None}


@each_system
def test_a_source_is_of_the_year_or_later_and_a_link_that_can_be_followed(system):
    assert system.source.url.startswith("https://")
    assert system.source.year >= int(system.date[:4])
    assert system.source.title in render_page()


@each_system
def test_facts_are_in_the_courses_terms(system):
    assert set(system.inputs) | set(system.outputs) <= set(MODALITY_COLOURS)
    assert not (system.mechanism or "").endswith(".")
    assert 2018 <= system.year < 2026
    if system.active_parameters:
        assert system.family == "mixture of experts"


@each_system
def test_a_mini_model_is_a_module_that_says_what_it_is(system):
    if system.mini is None:
        return
    assert ast.get_docstring(ast.parse(system.mini.path.read_text(encoding="utf-8")))
    assert system.mini.built_in is None or system.mini.built_in.id == system.mini.lesson


def test_a_mini_model_knows_its_lesson_once_there_is_one():
    lesson = LESSONS[1]
    assert MiniModel("utils.models.clip", lesson.id).built_in is lesson
    assert MiniModel("utils.models.clip", "9.9").built_in is None


def test_the_oldest_comes_first():
    dates = [system.date for system in SYSTEMS]
    assert dates == sorted(dates)


def test_a_date_becomes_a_number_of_years():
    assert find_system("BERT").year == pytest.approx(2018.79, abs=0.01)
    assert find_system("Hunyuan-Vision").year == 2024.5
    assert find_system("CAD-GPT").year == pytest.approx(2024.99, abs=0.01)


def test_a_table_keeps_what_is_missing_missing():
    table = to_table()
    assert list(table.index) == list(catalogue())
    assert table.loc["GPT-3", "parameters"] == 175_000_000_000
    assert table["parameters"].isna()["GPT-4o"]
    assert table["parameters"].notna().sum() == sum(system.parameters is not None for system in SYSTEMS)
    assert table.loc["GPT-4o", "inputs"] == "text, image, audio, video"
    assert list(to_table([find_system("GIT")]).index) == ["GIT"]
    assert to_table([]).empty


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (None, NOT_GIVEN),
        (2048, "2,048"),
        (20_979_712, "20.98 M"),
        (175 * 10**9, "175 B"),
        (34_750_000_000, "34.75 B"),
        (1, "1"),
    ],
)
def test_a_size_is_said_as_papers_say_it(number, words):
    assert in_words(number) == words


def test_a_system_is_found_in_any_case_and_a_wrong_name_is_told_with_the_nearest():
    assert find_system("gpt-4O") is catalogue()["GPT-4o"]
    with pytest.raises(KeyError, match="no system 'LLaVA-Nex'; did you mean LLaVA-NeXT"):
        find_system("LLaVA-Nex")
    with pytest.raises(KeyError, match="no system 'zzzz'; it has BERT"):
        find_system("zzzz")


def test_each_correction_names_its_source():
    assert len(corrections()) >= 4
    for slip in corrections():
        assert slip.claim.endswith(".")
        assert slip.fact.endswith(".")
        assert slip.source.url.startswith("https://")


def test_the_timeline_shows_all_and_puts_those_without_a_size_below(monkeypatch):
    shown = []
    monkeypatch.setattr("utils.catalogue.show", lambda figure, alt: shown.append((figure, alt)))
    show_timeline(SYSTEMS, title="Sizes", alt="sizes by date")
    ((figure, alt),) = shown
    above, below = ({text.get_text() for text in axes.texts} for axes in figure.axes)
    assert alt == "sizes by date"
    assert above == {system.name for system in SYSTEMS if system.parameters is not None}
    assert below == {system.name for system in SYSTEMS if system.parameters is None}


def test_the_page_is_made_from_the_data():
    assert PAGE.read_text(encoding="utf-8") == render_page(), "run: python -m utils.catalogue"


def test_the_page_links_every_source_and_every_mini_model():
    links = {reference.target for reference in read_markdown(render_page()).references if reference.kind == "link"}
    assert {system.source.url for system in SYSTEMS} <= links
    assert {f"../{system.mini.module.replace('.', '/')}.py" for system in SYSTEMS if system.mini} <= links


def broken(tmp_path, **changed):
    """A catalogue of one system, sound but for what is `changed`; a field that is ... is left out."""
    entry = {
        **{"name": "A", "maker": "B", "date": "2024", "family": None, "inputs": ["text"], "outputs": ["text"]},
        **{"mechanism": None, "parameters": 5, "active_parameters": None, "context": None, "mini": None, "note": None},
        "source": {"title": "T", "year": 2024, "url": "https://example.org/"},
        **changed,
    }
    path = tmp_path / "models.yaml"
    kept = {name: value for name, value in entry.items() if value is not ...}
    path.write_text(yaml.safe_dump({"systems": [kept], "corrections": []}), encoding="utf-8")
    return path


def test_a_sound_entry_is_read(tmp_path):
    (system,) = catalogue(broken(tmp_path)).values()
    assert (system.name, system.parameters, system.inputs) == ("A", 5, ("text",))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"maker": ...}, r"system 1, A: lacks \['maker'\] and has nothing"),
        ({"price": 3}, r"lacks nothing and has \['price'\]"),
        ({"maker": " "}, "maker needs words"),
        ({"date": "May 2024"}, "'May 2024' is no ISO date"),
        ({"date": "2024-13"}, "'2024-13' is no ISO date"),
        ({"date": "2024-02-30"}, "'2024-02-30' is no ISO date"),
        ({"family": "foundation model"}, "null or one of dual encoder, .*, not 'foundation model'"),
        ({"inputs": ["smell"]}, r"inputs is a list of text, .*, not \['smell'\]"),
        ({"outputs": []}, "outputs is a list of"),
        ({"parameters": "7B"}, "parameters is null or a whole number of 1 or more, not '7B'"),
        ({"parameters": 0}, "not 0"),
        ({"context": True}, "not True"),
        ({"active_parameters": 5}, "of 5 parameters 5 cannot be the active part"),
        ({"source": {"title": "T", "year": 2024}}, "needs title, year and either url or arxiv"),
        ({"source": {"title": "T", "year": "2024", "arxiv": "2005.14165"}}, "the year '2024' is no year"),
        ({"source": {"title": "T", "year": 2024, "arxiv": "14165"}}, "'14165' is no arXiv id"),
        ({"source": {"title": "T", "year": 2024, "url": "http://a.org"}}, "is not the https address"),
        ({"mini": {"module": "utils.models.nothing", "lesson": "2.3"}}, "there is no module utils.models.nothing"),
        ({"mini": {"module": "os.path", "lesson": "2.3"}}, "there is no module os.path"),
        ({"mini": {"module": "utils.models.clip", "lesson": "clip"}}, "'clip' is no lesson's id"),
        ({"mini": "utils.models.clip"}, "lacks .* and has nothing"),
    ],
)
def test_a_fault_is_told_with_the_system_and_the_field(tmp_path, changed, message):
    with pytest.raises(CatalogueError, match=message):
        catalogue(broken(tmp_path, **changed))


def test_a_system_that_is_there_twice_or_a_file_without_systems_is_refused(tmp_path):
    path = broken(tmp_path)
    entry = yaml.safe_load(path.read_text(encoding="utf-8"))["systems"]
    twice, empty = tmp_path / "twice.yaml", tmp_path / "empty.yaml"
    twice.write_text(yaml.safe_dump({"systems": entry * 2}), encoding="utf-8")
    empty.write_text("[]", encoding="utf-8")
    with pytest.raises(CatalogueError, match="A is there twice"):
        catalogue(twice)
    with pytest.raises(CatalogueError, match=re.escape("empty.yaml must hold a list of systems")):
        catalogue(empty)
    with pytest.raises(CatalogueError, match=re.escape("twice.yaml must hold a list of corrections")):
        corrections(twice)


def test_nothing_in_the_file_says_none_for_not_given():
    """Empty is null, never a word for it, which would count as a fact."""
    said = re.findall(
        r":\s*(unknown|undisclosed|not published|not given|n/a|-1|0)\s*$", SOURCE.read_text(encoding="utf-8"), re.M
    )
    assert said == []
