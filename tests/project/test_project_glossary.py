"""The glossary: both scripts, a plain sentence and a lesson for every term; a fresh page that lessons link to."""

from __future__ import annotations

import re

import pytest
from repository import read_markdown

from utils.glossary import PAGE, GlossaryError, Term, find_term, glossary, render_page, slug, term_link
from utils.lessons import LESSONS, find_lesson

TERMS = list(glossary().values())
# lessons to come, and the chapters whose lessons are not yet named
PLANNED = {"1.2", "1.3", *(f"2.{i}" for i in range(1, 10)), *(f"3.{i}" for i in range(1, 10)), *"4567"}


def test_the_glossary_covers_the_course():
    assert len(TERMS) >= 180
    chapters = {term.lesson[0] for term in TERMS}
    assert chapters == set("1234567")
    for name in (
        *("modality", "token", "encoder", "ViT", "BPE", "CNN", "cross-attention", "contrastive learning", "InfoNCE"),
        *(
            "LoRA",
            "PLoRA",
            "M-ICL",
            "M-CoT",
            "LAVR",
            "MoE",
            "router",
            "RLHF",
            "DPO",
            "hallucination",
            "VQA",
            "CAD",
            "MLA",
        ),
    ):
        assert find_term(name)


def test_a_term_is_said_in_one_plain_sentence():
    for term in TERMS:
        assert re.fullmatch(r"[A-Z][^\n]*[^.]\.", term.sentence), term
        assert not re.search(r"[.!?] [A-Z]", term.sentence), f"one sentence: {term}"
        assert len(term.sentence) <= 140, term


def test_chinese_names_are_in_their_own_script():
    """The old national encodings know the characters of their own script only."""
    for term in TERMS:
        assert term.simplified.encode("gb2312"), term
        assert term.traditional.encode("big5"), term


def test_every_lesson_is_there_or_planned():
    assert {term.lesson for term in TERMS} <= {lesson.id for lesson in LESSONS} | PLANNED
    assert find_term("contrastive learning").built_in == find_lesson("2.3")
    assert find_term("VQA").built_in is None


@pytest.mark.parametrize(
    ("name", "simplified", "traditional"),
    [
        ("token", "词元、令牌", "詞元"),
        ("data set", "数据集", "資料集"),
        ("video", "视频", "影片"),
        ("image", "图像", "影像"),
        ("complementary information", "信息互补", "資訊互補"),
        ("modality", "模态", "模態"),
        ("DPO", "直接偏好优化", "直接偏好最佳化"),
        ("KV cache", "键值缓存", "鍵值快取"),
        ("load-balancing loss", "负载均衡损失", "負載平衡損失"),
    ],
)
def test_taiwan_has_words_of_its_own_and_not_only_other_characters(name, simplified, traditional):
    term = find_term(name)
    assert (term.simplified, term.traditional) == (simplified, traditional)


def test_keys_and_abbreviations_are_unambiguous():
    shorts = [slug(term.short) for term in TERMS if term.short]
    assert len(set(shorts)) == len(shorts)
    assert not set(shorts) & set(glossary())
    assert list(glossary()) == sorted(glossary())


def test_the_page_is_made_from_the_data():
    assert PAGE.read_text(encoding="utf-8") == render_page(), "run: python -m utils.glossary"


def test_the_page_links_to_lessons_that_are_there_only():
    links = {reference.target for reference in read_markdown(render_page()).references if reference.kind == "link"}
    ids = {lesson.id for lesson in LESSONS} & {term.lesson for term in TERMS}
    assert links == {f"../course/{find_lesson(identifier).path}.ipynb" for identifier in ids}
    planned = {term.lesson for term in TERMS if "." in term.lesson} - ids
    assert all(f"{identifier} (planned)" in render_page() for identifier in planned)


def test_a_lesson_links_to_a_term_with_its_sentence_as_the_tooltip():
    text = term_link("LoRA", "low-rank updates")
    term = find_term("LoRA")
    assert text.startswith("[low-rank updates](../../assets/glossary.md#low-rank-adaptation ")
    (reference,) = read_markdown(text).references
    assert reference.target == "../../assets/glossary.md#low-rank-adaptation"
    assert term.sentence in text
    assert term.traditional in text
    assert reference.target.partition("#")[2] in read_markdown(render_page()).anchors


def test_a_term_is_found_by_name_key_or_abbreviation():
    assert find_term("Vision Transformer") is find_term("vision-transformer") is find_term("ViT")


def test_an_unknown_term_is_told_with_the_nearest_ones():
    with pytest.raises(KeyError, match="no term 'cross-attn'; did you mean cross-attention"):
        find_term("cross-attn")
    with pytest.raises(KeyError, match=r"no term 'zzz'; see assets/glossary\.yaml"):
        find_term("zzz")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- term: a\n  simplified: 甲\n", r"term a of .* lacks \['traditional', 'sentence', 'lesson'\]"),
        ("- term: a\n  simplified: 甲\n  traditional: 甲\n  sentence: A.\n  lesson: 1.1\n", r"wrong in \['lesson'\]"),
        (
            "- term: a\n  simplified: 甲\n  traditional: 甲\n  sentence: A.\n  lesson: '1'\n  see: b\n",
            r"wrong in \['see'\]",
        ),
        ("- term: a\n  simplified: 甲\n  traditional: 甲\n  sentence: A.\n  lesson: '1'\n" * 2, "term a is twice"),
    ],
)
def test_a_broken_entry_is_named(tmp_path, text, message):
    path = tmp_path / "glossary.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(GlossaryError, match=message):
        glossary(path)


def test_a_slug_has_no_spaces_or_accents():
    assert slug("query, key and value") == "query-key-and-value"
    assert Term("Top-K (x)", "甲", "甲", "A.", "1.1").key == "top-k-x"
