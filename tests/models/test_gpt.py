"""The language model: causality, soft tokens, loss, generation, bad input, and how many parameters a shape has."""

from __future__ import annotations

import math
from itertools import repeat

import pytest
import torch

from utils.models.blocks import count_parameters
from utils.models.gpt import (
    GPT,
    PUBLISHED_SHAPES,
    GPTConfig,
    TransformerShape,
    flops_of,
    next_token_loss,
    parameters_of,
)
from utils.training.loop import fit
from utils.world.tokenizer import (
    BASE_VOCABULARY,
    END,
    MASK,
    PAD,
    START,
    VOCABULARY,
    UnknownWordError,
    detokenize,
    tokenize,
)

TINY = GPTConfig(length=20, width=24, depth=2, heads=2, hidden=48)
CAPTIONS = ["a red circle", "a small blue star above a green ring", "nothing", "two large squares"]


@pytest.fixture
def model():
    torch.manual_seed(0)
    return GPT(TINY)


@pytest.fixture
def tokens():
    return tokenize(CAPTIONS)


def test_there_is_a_score_for_every_token_at_every_position(model, tokens):
    assert model(tokens).shape == (4, 16, BASE_VOCABULARY)


@pytest.mark.parametrize("place", [1, 7, 15])
def test_a_later_token_changes_nothing_before_it(model, tokens, place):
    changed = tokens.clone()
    changed[:, place] = MASK
    before, after = model(tokens), model(changed)
    torch.testing.assert_close(before[:, :place], after[:, :place], rtol=0, atol=1e-6)
    assert not torch.isclose(before[:, place:], after[:, place:], atol=1e-6).all(-1).any()


def test_it_knows_the_order_of_what_it_has_read(model):
    one, other = tokenize(["red circle small", "circle red small"])
    assert not torch.allclose(model(one[None])[0, 3], model(other[None])[0, 3], atol=1e-4)


def test_soft_tokens_are_spliced_in_between_embed_and_decode(model, tokens):
    assert torch.equal(model(tokens), model.decode(model.embed(tokens)))
    soft = torch.randn(4, 3, 24, requires_grad=True)
    embeddings = model.embed(tokens)
    spliced = model.decode(torch.cat([embeddings[:, :1], soft, embeddings[:, 1:]], dim=1))
    assert spliced.shape == (4, 19, BASE_VOCABULARY)
    spliced[:, 3].sum().backward()
    assert soft.grad.abs().amin(dim=(0, 2)).min() > 0, "a soft token does not reach what stands behind it"


@pytest.mark.parametrize("depth", [1, 8])
def test_an_untrained_model_is_near_chance_whatever_its_depth(tokens, depth):
    torch.manual_seed(0)
    model = GPT(GPTConfig(depth=depth))
    assert next_token_loss(model(tokens), tokens).item() == pytest.approx(math.log(BASE_VOCABULARY), abs=0.2)


# --- loss


def test_the_loss_is_the_mean_surprise_at_each_token_that_counts(model, tokens):
    learnt = torch.rand(tokens.shape, generator=torch.Generator().manual_seed(0)) < 0.5
    chances, surprise = model.double()(tokens).softmax(-1), []
    for row in range(4):
        for place in range(1, 16):
            if tokens[row, place] != PAD and learnt[row, place]:
                surprise.append(-math.log(chances[row, place - 1, tokens[row, place]].item()))
    loss = next_token_loss(model(tokens), tokens, learnt)
    assert loss.item() == pytest.approx(sum(surprise) / len(surprise), rel=1e-12)


def test_padding_and_what_is_not_learnt_get_no_gradient(model, tokens):
    logits = model(tokens).detach().requires_grad_()
    learnt = torch.zeros_like(tokens, dtype=torch.bool)
    learnt[:, 4:] = True
    next_token_loss(logits, tokens, learnt).backward()
    told = torch.zeros_like(learnt)
    told[:, :-1] = (learnt & (tokens != PAD))[:, 1:]
    assert torch.equal(logits.grad.abs().sum(-1) > 0, told)


def test_more_padding_and_another_prompt_leave_the_loss_as_it_is(model, tokens):
    logits, longer = model(tokens), torch.cat([tokens, tokens.new_full((4, 2), PAD)], dim=1)
    torch.testing.assert_close(next_token_loss(model(longer), longer), next_token_loss(logits, tokens))
    learnt, relabelled = torch.arange(16).expand(4, 16) >= 3, tokens.clone()
    relabelled[:, :3] = MASK
    torch.testing.assert_close(
        next_token_loss(logits, relabelled, learnt), next_token_loss(logits, tokens, learnt), rtol=0, atol=0
    )


def test_a_loss_over_nothing_is_refused(model, tokens):
    logits = model(tokens)
    with pytest.raises(ValueError, match="no token is left to learn"):
        next_token_loss(logits, torch.full_like(tokens, PAD))
    with pytest.raises(ValueError, match="no token is left to learn"):
        next_token_loss(logits[:, :1], tokens[:, :1])
    with pytest.raises(ValueError, match="no token is left to learn"):
        next_token_loss(logits, tokens, torch.zeros_like(tokens, dtype=torch.bool))


def test_a_loss_of_shapes_that_differ_is_refused(model, tokens):
    logits = model(tokens)
    with pytest.raises(ValueError, match=r"not \[4, 16, 78\] with \[4, 15\] and \[4, 15\]"):
        next_token_loss(logits, tokens[:, 1:])
    with pytest.raises(ValueError, match=r"not \[4, 16, 78\] with \[4, 16\] and \[16\]"):
        next_token_loss(logits, tokens, torch.ones(16, dtype=torch.bool))
    with pytest.raises(ValueError, match=r"not \[16, 78\] with \[16\] and \[16\]"):
        next_token_loss(logits[0], tokens[0])
    with pytest.raises(ValueError, match=r"True or False of each token, and holds torch.int64; write learnt.bool"):
        next_token_loss(logits, tokens, torch.ones_like(tokens))


# --- learning and generating


def without_end(texts: list[str]) -> torch.Tensor:
    tokens = tokenize(texts)
    return tokens.masked_fill(tokens == END, PAD)


@pytest.fixture(scope="module")
def trained():
    """A model that has learnt the captions by heart, and what happened."""
    torch.manual_seed(0)
    model = GPT(TINY)
    history = fit(
        model,
        repeat((tokenize(CAPTIONS),)),
        lambda model, tokens: next_token_loss(model(tokens), tokens),
        steps=100,
        learning_rate=1e-2,
        weight_decay=0.0,
    )
    return model, history


def test_it_learns_a_batch_by_heart_and_says_it(trained):
    model, history = trained
    # which caption it is cannot be known beforehand, and takes 2 bits in each of the four; they have 19 tokens in all
    cannot_be_known = 4 * 2 * math.log(2) / 19
    assert history.losses[0] > 3.5
    assert history.losses[-1] == pytest.approx(cannot_be_known, abs=0.03)
    prompts = without_end(["a red", "a small", "nothing", "two large squares"])
    told = model.generate(prompts, 9)
    assert [detokenize(row) for row in told] == ["circle", "blue star above a green ring", "", ""]
    assert told[0].tolist()[1:] == [END] + [PAD] * 7, "nothing is said behind <end>"
    assert told.shape == (4, 9)


def test_a_prompt_is_answered_alike_alone_and_among_longer_ones(trained):
    model, _ = trained
    together = model.generate(without_end(["a red", "a small blue star above", "two"]), 6)
    alone = [model.generate(without_end([text])[:, : len(text.split()) + 1], 6)[0] for text in ["a red", "two"]]
    assert torch.equal(together[[0, 2]], torch.stack(alone))


def test_each_new_token_is_the_likeliest_after_what_stands_there(model):
    """Generation is the same as asking `forward` again with everything said so far."""
    text = torch.tensor([[START, 5, 9]])
    new = model.generate(text, 8)
    for token in new[0, : (new[0] != PAD).sum()]:
        assert model(text)[0, -1].argmax() == token
        text = torch.cat([text, token.view(1, 1)], dim=1)


def test_vectors_of_another_kind_are_read_in_the_place_of_tokens(model, tokens):
    prompt = tokens[:, :4].clone()
    soft = 3 * torch.randn(len(prompt), 24, generator=torch.Generator().manual_seed(1))

    def embed(tokens):
        embeddings = model.embed(tokens)
        embeddings[:, 1] = soft
        return embeddings

    seen = model.generate(prompt, 5, embed=embed)
    assert not torch.equal(seen, model.generate(prompt, 5))
    changed = prompt.clone()
    changed[:, 1] = (prompt[:, 1] + 1) % model.config.vocabulary
    changed[:, 1] = changed[:, 1].clamp(min=4)
    assert torch.equal(model.generate(changed, 5, embed=embed), seen), "the token itself is not read"


def test_sampling_follows_the_temperature_and_the_seed(model):
    prompt = torch.tensor([[START, 5]]).expand(20_000, 2)
    chances = (model(prompt[:1])[0, -1] / 0.7).softmax(-1)
    drawn = model.generate(prompt, 1, temperature=0.7, seed=3)
    torch.testing.assert_close(drawn[:, 0].bincount(minlength=BASE_VOCABULARY) / 20_000, chances, rtol=0, atol=0.015)
    assert torch.equal(drawn, model.generate(prompt, 1, temperature=0.7, seed=3))
    assert not torch.equal(drawn, model.generate(prompt, 1, temperature=0.7, seed=4))
    assert torch.equal(model.generate(prompt[:9], 5, temperature=1e-6), model.generate(prompt[:9], 5))


def test_generating_leaves_the_prompt_as_it_was_and_no_gradients(model, tokens):
    prompt = tokens[:, :4].clone()
    assert not model.generate(prompt, 3).requires_grad
    assert torch.equal(prompt, tokens[:, :4])


def test_a_model_is_filled_to_its_last_place_and_not_beyond(model):
    prompt = torch.full((1, 12), START)
    assert model.generate(prompt, 8).shape == (1, 8)
    with pytest.raises(ValueError, match=r"a prompt of 12 and 9 new tokens do not fit.* reads 20;"):
        model.generate(prompt, 9)


@pytest.mark.parametrize(
    "prompt", [[[]], [[PAD, PAD]], [[START, 5], [PAD, PAD]], [[START, PAD, 5]], [[PAD, START]], [START, 5], []], ids=str
)
def test_a_prompt_without_a_token_or_with_a_gap_is_refused(model, prompt):
    with pytest.raises(ValueError, match=r"each with at least one token, such as <start>, and <pad> only behind"):
        model.generate(torch.tensor(prompt, dtype=torch.long), 3)


@pytest.mark.parametrize(("max_new", "temperature"), [(0, 0.0), (3, -1.0), (3, math.inf), (3, math.nan)])
def test_no_new_token_or_no_such_temperature_is_refused(model, max_new, temperature):
    with pytest.raises(ValueError, match=f"not {max_new}, and temperature 0 or more, not {temperature}"):
        model.generate(torch.tensor([[START]]), max_new, temperature=temperature)


def test_the_fast_mode_stays_close(model, tokens):
    exact = next_token_loss(model(tokens), tokens)
    with torch.autocast("cpu", torch.bfloat16):
        fast = next_token_loss(model(tokens), tokens)
    assert fast.dtype == torch.float32
    assert fast.item() == pytest.approx(exact.item(), rel=0.01)


# --- bad input


def test_a_text_that_is_too_long_or_empty_is_refused(model):
    with pytest.raises(ValueError, match=r"from 1 to 20 vectors of width 24 a sequence.*not \[1, 21, 24\]"):
        model(torch.full((1, 21), START))
    with pytest.raises(ValueError, match=r"from 1 to 20 vectors.*not \[2, 0, 24\]"):
        model(torch.zeros(2, 0, dtype=torch.long))


@pytest.mark.parametrize("shape", [(2, 5, 23), (5, 24)])
def test_embeddings_of_another_shape_are_refused(model, shape):
    with pytest.raises(ValueError, match=r"\[batch, length, 24\], not"):
        model.decode(torch.zeros(shape))


def test_tokens_without_a_batch_or_not_whole_are_refused(model, tokens):
    with pytest.raises(ValueError, match=r"integer tokens of shape \[batch, length\], not torch.int64 of shape \[16\]"):
        model(tokens[0])
    with pytest.raises(ValueError, match=r"integer tokens.*not torch.float32 of shape \[4, 16\]"):
        model(tokens.float())


def test_tokens_outside_the_vocabulary_are_refused_by_name(model):
    moves = tokenize("a circle moves", vocabulary=len(VOCABULARY))
    with pytest.raises(UnknownWordError, match=r"the tokens 0 to 77, and not \d+ \('moves'\); for all words"):
        model(moves)
    with pytest.raises(UnknownWordError, match=r"and not -1, 100000;"):
        model(torch.tensor([[START, -1, 100_000]]))
    larger = GPT(GPTConfig(vocabulary=len(VOCABULARY), width=24, depth=1, heads=2))
    assert larger(moves).shape == (1, 16, len(VOCABULARY))


def test_a_width_that_heads_do_not_divide_is_refused():
    with pytest.raises(ValueError, match="width 50 must be a multiple of the number of heads, 4"):
        GPT(GPTConfig(width=50))


# --- parameters


@pytest.mark.parametrize("config", [GPTConfig(), TINY, GPTConfig(31, 7, 21, 3, 3, 50)], ids=str)
def test_the_count_from_the_shape_is_that_of_the_model(config):
    assert parameters_of(config.shape) == count_parameters(GPT(config))


@pytest.mark.parametrize(
    ("millions", "depth", "width"),
    [
        (125, 12, 768),
        (356, 24, 1024),
        (760, 24, 1536),
        (1_320, 24, 2048),
        (2_650, 32, 2560),
        (6_660, 32, 4096),
        (12_850, 40, 5120),
        (174_600, 96, 12_288),
    ],
)
def test_every_gpt_3_has_the_parameters_that_its_paper_states(millions, depth, width):
    """Brown et al. 2020, tables 2.1 and D.1; 13B is 40 heads of 128 wide, though table 2.1 prints 5,140."""
    shape = TransformerShape(50_257, 2048, width, depth, 4 * width)
    assert parameters_of(shape) / 1e6 == pytest.approx(millions, rel=0.005)


def test_gpt_3_has_174_6_billion_parameters():
    assert round(parameters_of(PUBLISHED_SHAPES["GPT-3 175B"]) / 1e9, 1) == 174.6


@pytest.mark.parametrize(("name", "paper", "exact"), [("base", 110, 109_482_240), ("large", 340, 335_141_888)])
def test_both_berts_have_the_parameters_that_their_paper_states(name, paper, exact):
    """Devlin et al. 2019, section 3, rounds to ten millions; the exact number is that of the released encoder."""
    count = parameters_of(PUBLISHED_SHAPES[f"BERT-{name}"])
    assert count == exact
    assert round(count, -7) == paper * 1_000_000


@pytest.mark.parametrize("tokens", [1, 7, 20])
def test_the_flops_are_those_that_a_counter_sees(model, tokens):
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    # the fused kernel of a CPU is unknown to the counter; the plain one is two matrix products
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        model(torch.full((1, tokens), START))
    assert counter.get_total_flops() == flops_of(TINY.shape, tokens)


# ---- a prefix


def test_without_a_prefix_and_with_an_empty_one_the_model_is_the_same():
    torch.manual_seed(0)
    model = GPT(GPTConfig(width=16, depth=2, heads=2, hidden=32)).double()
    tokens = torch.randint(4, 60, (3, 9))
    torch.testing.assert_close(model(tokens, torch.zeros_like(tokens, dtype=torch.bool)), model(tokens))


def test_a_prefix_is_seen_from_everywhere_and_what_follows_only_from_behind_it():
    torch.manual_seed(0)
    model = GPT(GPTConfig(width=16, depth=2, heads=2, hidden=32)).double()
    tokens, prefix = torch.randint(4, 60, (1, 9)), torch.arange(9)[None] < 5
    for place in range(9):
        changed = tokens.clone()
        changed[0, place] = 60
        moved = (model(tokens, prefix) != model(changed, prefix)).any(dim=2)[0]
        first = 0 if place < 5 else place
        assert moved.tolist() == [i >= first for i in range(9)]
