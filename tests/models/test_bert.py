"""The masked-word model."""

from __future__ import annotations

import pytest
import torch

from utils.models.bert import BERT, BERTConfig, TextAttention, mask_words, masked_word_loss
from utils.training.loop import overfit
from utils.world import VOCABULARY, UnknownWordError, render_captions, sample_scenes, tokenize
from utils.world.tokenizer import END, MASK, PAD, START

SMALL = BERTConfig(width=32, depth=2, heads=2, hidden=64, length=16)
CAPTIONS = render_captions(sample_scenes(64, seed=0))


@pytest.fixture
def model() -> BERT:
    torch.manual_seed(0)
    return BERT(SMALL).eval()


def test_a_score_for_every_word_at_every_position(model):
    tokens = tokenize(CAPTIONS)
    assert model(tokens).shape == (64, 16, len(VOCABULARY))
    assert model.encode(tokens).shape == (64, 16, 32)


def test_a_word_knows_those_before_it_and_those_after_it(model):
    tokens = tokenize(["a large red circle in the top left"])
    before = model.encode(tokens)
    for changed, elsewhere in ((2, 8), (8, 2)):
        other = tokens.clone()
        other[0, changed] = VOCABULARY.index("small")
        assert not torch.allclose(model.encode(other)[0, elsewhere], before[0, elsewhere])


def test_padding_changes_nothing(model):
    short = tokenize(["a large red circle in the top left"], length=10)
    padded = tokenize(["a large red circle in the top left"], length=16)
    torch.testing.assert_close(model.encode(padded)[:, :10], model.encode(short))
    torch.testing.assert_close(
        model.mean_of_words(padded, model.encode(padded)), model.mean_of_words(short, model.encode(short))
    )


def test_without_positions_the_order_of_the_words_is_lost(model):
    tokens = tokenize(["a large red circle above a small blue square", "a small blue square above a large red circle"])
    one, other = model.mean_of_words(tokens, model.encode(tokens))
    assert not torch.allclose(one, other, atol=1e-4)
    with torch.no_grad():
        model.positions.zero_()
    one, other = model.mean_of_words(tokens, model.encode(tokens))
    torch.testing.assert_close(one, other)


def test_attention_maps_are_shares_of_words_alone(model):
    tokens = tokenize(CAPTIONS[:5])
    maps = model.attention_maps(tokens)
    assert maps.shape == (5, 2, 2, 16, 16)
    torch.testing.assert_close(maps.sum(-1), torch.ones(5, 2, 2, 16))
    assert (maps.movedim(-1, 1)[tokens == PAD] == 0).all()


def test_the_map_is_what_the_fused_attention_uses():
    torch.manual_seed(0)
    attention, x = TextAttention(12, 3), torch.randn(2, 5, 12)
    is_word = torch.tensor([[True] * 5, [True] * 3 + [False] * 2])
    _, _, values = attention.query_key_value(x).chunk(3, dim=-1)
    values = values.view(2, 5, 3, 4).transpose(1, 2)
    mixed = (attention.weights(x, is_word) @ values).transpose(1, 2).reshape(2, 5, 12)
    torch.testing.assert_close(attention.output(mixed), attention(x, is_word))


def test_words_are_hidden_and_never_the_frame_of_the_text():
    tokens = tokenize(CAPTIONS)
    shown, hidden = mask_words(tokens, 0.3, torch.Generator().manual_seed(0))
    assert hidden.any(dim=1).all()
    assert (shown[hidden] == MASK).all()
    assert torch.equal(shown[~hidden], tokens[~hidden])
    assert not torch.isin(tokens[hidden], torch.tensor([PAD, START, END])).any()
    words = ~torch.isin(tokens, torch.tensor([PAD, START, END]))
    assert hidden.sum() / words.sum() == pytest.approx(0.3, abs=0.06)


def test_a_seed_hides_the_same_words_again():
    tokens = tokenize(CAPTIONS)
    first, again = (mask_words(tokens, generator=torch.Generator().manual_seed(3))[0] for _ in range(2))
    assert torch.equal(first, again)


def test_only_hidden_words_are_learnt(model):
    tokens = tokenize(CAPTIONS[:4])
    shown, hidden = mask_words(tokens, generator=torch.Generator().manual_seed(0))
    logits = model(shown)
    spoilt = logits.clone()
    spoilt[~hidden] = 100.0
    assert masked_word_loss(logits, tokens, hidden) == masked_word_loss(spoilt, tokens, hidden)


def test_it_learns_one_batch_by_heart(model):
    tokens = tokenize(CAPTIONS[:8])
    shown, hidden = mask_words(tokens, generator=torch.Generator().manual_seed(0))

    def loss(model, shown, tokens, hidden):
        return masked_word_loss(model(shown), tokens, hidden)

    history = overfit(model, (shown, tokens, hidden), loss, steps=150, learning_rate=1e-2)
    assert history.losses[-1] < 0.2 < history.losses[0]


def test_what_it_cannot_read_is_refused_in_words(model):
    with pytest.raises(ValueError, match="from 1 to 16 long"):
        model(torch.zeros(2, 17, dtype=torch.long))
    with pytest.raises(ValueError, match=r"not torch.float32 of shape \[2, 16\]"):
        model(torch.zeros(2, 16))
    with pytest.raises(UnknownWordError, match="knows the tokens 0 to"):
        model(torch.full((1, 4), len(VOCABULARY)))
    with pytest.raises(ValueError, match="nothing to guess"):
        masked_word_loss(torch.zeros(1, 2, 5), torch.zeros(1, 2).long(), torch.zeros(1, 2).bool())
    with pytest.raises(ValueError, match="at least one word"):
        mask_words(torch.tensor([[START, END, PAD]]))
    with pytest.raises(ValueError, match="multiple of the number of heads"):
        TextAttention(10, 3)
