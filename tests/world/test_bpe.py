import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from world_strategies import some_examples

from utils.world import render_captions, sample_scenes
from utils.world.bpe import BYTES, BytePairEncoding, Merge, merge, pieces, train
from utils.world.languages import render_welsh_captions

SCENES = sample_scenes(2000, seed=0, pairs="all")
ENGLISH, WELSH = render_captions(SCENES), render_welsh_captions(SCENES)
ENCODING = BytePairEncoding(train(ENGLISH, 80))
SAME_CAPTION = {
    "english": "a large red circle above a small blue square",
    "welsh": "cylch mawr coch uwchben sgwâr bach glas",
    "chinese": "一个红色的大圆在一个蓝色的小正方形上面",
}


@some_examples
@given(st.text())
def test_any_text_comes_back_unchanged(text):
    assert ENCODING.decode(ENCODING.encode(text)) == text
    assert "".join(pieces(text)) == text


@pytest.mark.parametrize(
    "text",
    ["", " ", "  a\t\n b ", "左上角的红色大圆", "👩‍👩‍👧 🏴󠁧󠁢󠁷󠁬󠁳󠁿", "i'r dde o sgwâr", "e\u0301 ½ ² Ⅳ ٣ \x00\x1c\x85\ufeff_"],
)
def test_spaces_signs_and_scripts_come_back_unchanged(text):
    assert ENCODING.decode(ENCODING.encode(text)) == text


@some_examples
@given(st.lists(st.text("ab ", max_size=12), max_size=6))
def test_when_nothing_is_left_to_merge_every_piece_is_a_token(texts):
    encoding = BytePairEncoding(whole_table(texts))
    for text in texts:
        assert len(encoding.encode(text)) == len(pieces(text))


def whole_table(texts):
    """Every merge that `texts` have to give."""
    merges, number = [], 0
    while True:
        try:
            merges, number = train(texts, number), number + 1
        except ValueError:
            return merges


def test_each_merge_joins_the_most_frequent_pair_as_counted_by_hand():
    """low x5, lower x2, newest x6, widest x3: the example of Sennrich et al., without their sign of a word's end."""
    texts = ["low"] * 5 + ["lower"] * 2 + ["newest"] * 6 + ["widest"] * 3
    assert train(texts, 5) == [
        (b"e", b"s", 9),  # as often as "s t"; the smaller ids win
        (b"es", b"t", 9),
        (b"l", b"o", 7),
        (b"lo", b"w", 7),
        (b"e", b"w", 6),  # as often as "n e" and "w est"
    ]


def test_a_merge_reads_as_a_line_of_a_lesson():
    assert str(train(["a a a"], 1)[0]) == "␣ + a → ␣a (2 times)"
    assert str(Merge(b" r", b"ed", 31)) == "␣r + ed → ␣red (31 times)"
    assert str(Merge(b"\xe5", b"\xb7", 2)) == r"\xe5 + \xb7 → \xe5\xb7 (2 times)"


def test_ties_go_to_the_smaller_ids_in_gpt2s_order_of_bytes():
    assert [(*pair,) for *pair, _ in train(["ba", "ab"], 2)] == [(b"a", b"b"), (b"b", b"a")]
    assert train([" é é"], 1) == [(b"\xc3", b"\xa9", 2)], "a byte that prints in Latin-1 comes before the space"
    assert sorted(BYTES) == [bytes([i]) for i in range(256)]
    assert (BYTES[0], BYTES[255]) == (b"!", b"\xad")


def test_pairs_are_merged_from_left_to_right():
    assert merge([b"a"] * 5, (b"a", b"a")) == [b"aa", b"aa", b"a"]
    assert merge([], (b"a", b"a")) == []


def test_the_order_of_the_texts_does_not_matter_and_a_shorter_training_is_the_beginning_of_a_longer_one():
    table = train(ENGLISH, 60)
    assert train(reversed(ENGLISH), 60) == table
    assert train(ENGLISH, 20) == table[:20]
    assert train(ENGLISH, 0) == []


def test_no_token_reaches_across_words():
    assert pieces("It's a red  circle, 42_½") == ["It", "'s", " a", " red", " ", " circle", ",", " 42", "_", "½"]
    assert not any(b" " in token[1:] for token in ENCODING.vocabulary)


def test_tokens_can_be_read():
    assert BytePairEncoding(train(["red red"], 2)).tokens("a red 圆") == [
        *("a", "␣", "red", "␣"),
        *(r"\xe5", r"\x9c", r"\x86"),
    ]


def test_half_a_character_is_shown_as_the_replacement_character():
    assert ENCODING.decode(ENCODING.encode("圆")[:2]) == "\ufffd"


def test_a_language_that_the_merges_do_not_come_from_costs_more_tokens():
    costs = {language: len(ENCODING.encode(text)) for language, text in SAME_CAPTION.items()}
    assert costs["welsh"] > 2 * costs["english"], "though Welsh takes fewer words"
    assert costs["chinese"] > 3 * costs["english"], "three bytes a character, and none is merged"
    assert costs["chinese"] == len(SAME_CAPTION["chinese"].encode())

    of_welsh, of_both = (BytePairEncoding(train(texts, 80)) for texts in (WELSH, ENGLISH + WELSH))
    costs = {
        name: [sum(len(encoding.encode(text)) for text in texts) for texts in (ENGLISH, WELSH)]
        for name, encoding in (("english", ENCODING), ("welsh", of_welsh), ("both", of_both))
    }
    assert costs["english"][1] > 2 * costs["english"][0]
    assert costs["welsh"][0] > 1.5 * costs["welsh"][1], "nothing is wrong with Welsh"
    assert costs["english"][0] < costs["both"][0] < costs["welsh"][0]
    assert costs["welsh"][1] < costs["both"][1] < costs["english"][1]


def test_bytes_per_token_is_the_compression():
    assert BytePairEncoding([]).bytes_per_token(["red", "圆"]) == 1
    assert BytePairEncoding(train(["red"], 2)).bytes_per_token(["red", "red!"]) == pytest.approx(7 / 3)
    assert ENCODING.bytes_per_token(ENGLISH) > ENCODING.bytes_per_token(WELSH) > 1
    with pytest.raises(ValueError, match="all texts are empty"):
        ENCODING.bytes_per_token(["", ""])


def test_a_thousand_merges_of_twenty_thousand_captions_take_seconds():
    """Each caption with a word of its own, so that there are a thousand merges to make."""
    captions = [f"{caption} named {i:x}zz{i % 97}" for i, caption in enumerate(10 * ENGLISH)]
    start = time.process_time()
    encoding = BytePairEncoding(train(captions, 1000))
    assert [encoding.decode(encoding.encode(caption)) for caption in captions[:2000]] == captions[:2000]
    assert time.process_time() - start < 30


def test_more_merges_than_the_texts_have_are_refused_with_their_number():
    with pytest.raises(ValueError, match=r"only 2 merges to give, not 3: .* at most 2"):
        train(["red"], 3)
    with pytest.raises(ValueError, match="only 0 merges to give, not 1"):
        train([], 1)
    assert len(train(["red"], 2)) == 2


def test_bad_input_is_refused_by_name():
    with pytest.raises(ValueError, match="0 or more, not -1"):
        train(["red"], -1)
    with pytest.raises(TypeError, match="integer"):
        train(["red"], 1.5)
    with pytest.raises(TypeError, match=r"put a single one into a list"):
        train("red", 1)
    for wrong, name in ((b"red", "bytes"), (None, "NoneType"), (["red"], "list")):
        with pytest.raises(TypeError, match=f"must be a str, not {name}"):
            train([wrong], 1)
        with pytest.raises(TypeError, match=f"must be a str, not {name}"):
            ENCODING.encode(wrong)
    with pytest.raises(UnicodeEncodeError, match="surrogates not allowed"):
        ENCODING.encode("half an emoji: \ud83d")


@pytest.mark.parametrize("wrong", [-1, 336, 10**9])
def test_ids_outside_the_vocabulary_are_refused(wrong):
    assert len(ENCODING.vocabulary) == 336
    with pytest.raises(ValueError, match=rf"no token {wrong}: the ids go from 0 to 335"):
        ENCODING.decode([5, wrong])


def test_merges_in_an_impossible_order_are_refused():
    with pytest.raises(ValueError, match=r"b're' is merged before any merge has made it"):
        BytePairEncoding([Merge(b"re", b"d", 1), Merge(b"r", b"e", 1)])
