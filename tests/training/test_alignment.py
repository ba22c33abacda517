"""A captioner learns from which captions are better: the machinery on a small untrained one."""

from __future__ import annotations

import pytest
import torch

from utils.models.gpt import GPTConfig
from utils.models.llava import LLaVA, LLaVAConfig
from utils.models.vit import ViTConfig
from utils.training import alignment
from utils.training.alignment import (
    Compared,
    Written,
    align,
    also_in_other_colours,
    both_log_probabilities,
    caption_prompts,
    chase_rewards,
    compare_captions,
    divergence,
    learn_rewards,
    log_probabilities,
    reward,
    write_captions,
)
from utils.training.preferences import PreferencePairs, join_answers
from utils.training.recipes.llava_scenes import seen
from utils.world import COLOURS, VOCABULARY, render_pictures
from utils.world.companions import company_scenes, hearsay
from utils.world.conversations import text_ids
from utils.world.mentions import worth

CONFIG = LLaVAConfig(
    vision=ViTConfig(width=12, depth=1, heads=2, hidden=24, patch_size=8, clip_style=True),
    language=GPTConfig(vocabulary=len(VOCABULARY), length=48, width=16, depth=1, heads=2, hidden=32),
    merge=2,
)
SCENES = company_scenes(12, seed=1)


@pytest.fixture
def model():
    torch.manual_seed(0)
    model = LLaVA(CONFIG).eval()
    model.vision.requires_grad_(False)
    return model


def written(texts) -> Written:
    """These captions, as if a model had written them."""
    ids = [text_ids((text,))[1:] for text in texts]
    length = max(map(len, ids))
    answers = torch.tensor([row + [0] * (length - len(row)) for row in ids])
    return Written(*join_answers(caption_prompts(len(texts), CONFIG.soft_tokens), answers))


@pytest.fixture
def compared(model):
    """True captions before captions with a thing made up, twelve pairs."""
    true, wrong = (written(hearsay(SCENES, seed=2, share=share)) for share in (0.0, 1.0))
    width = max(true.tokens.shape[1], wrong.tokens.shape[1])
    chosen, rejected = (torch.nn.functional.pad(one.tokens, (0, width - one.tokens.shape[1])) for one in (true, wrong))
    differ = (chosen != rejected).any(dim=1)
    pairs = PreferencePairs(chosen[differ], rejected[differ], true.prompt[differ])
    return Compared(pairs, render_pictures(SCENES)[differ])


def test_captions_are_written_behind_their_picture_and_read_back_as_words(model):
    told = write_captions(model, render_pictures(SCENES), seed=3)
    assert len(told.texts) == len(SCENES)
    assert (told.prompt == CONFIG.soft_tokens + 2).all()
    assert written(["a small red ring"]).texts == ["a small red ring"]


def test_what_was_seen_of_a_picture_gives_the_logits_of_the_picture_itself(model):
    told = written(["a small red ring", "a large blue star and a small red ring"])
    pictures = render_pictures(SCENES)[:2]
    by_features = log_probabilities(model, told.tokens, told.prompt, seen(model, pictures))
    logits = model(told.tokens, pictures).log_softmax(dim=-1)
    for row, tokens, said in zip(logits, told.tokens, by_features, strict=True):
        behind = range(CONFIG.soft_tokens + 2, int((tokens != 0).sum()))
        assert torch.allclose(sum(row[i - 1, tokens[i]] for i in behind), said, atol=1e-4)


def test_the_better_caption_is_chosen_unless_the_annotator_slips(model, monkeypatch):
    tries = iter([hearsay(SCENES, seed=2, share=share) for share in (1.0, 0.0)] * 2)

    def as_told(model, pictures, *, seed):
        return written(next(tries))

    monkeypatch.setattr(alignment, "CAPTIONS", 2)
    monkeypatch.setattr(alignment, "write_captions", as_told)
    for slips in (0.0, 1.0):
        found = compare_captions(model, SCENES, seed=0, slips=slips)
        chosen, rejected = (
            Written(tokens, found.pairs.prompt).texts for tokens in (found.pairs.chosen, found.pairs.rejected)
        )
        true = set(hearsay(SCENES, seed=2, share=0.0))
        assert all((text in true) == (slips == 0.0) for text in chosen)
        assert all((text in true) == (slips == 1.0) for text in rejected)


def test_captions_that_are_worth_the_same_make_no_pair(model, monkeypatch):
    same = written(hearsay(SCENES, seed=2))
    monkeypatch.setattr(alignment, "write_captions", lambda *args, **kwargs: same)
    with pytest.raises(ValueError, match="all captions of each of the 12 pictures are worth the same"):
        compare_captions(model, SCENES, seed=0)


def test_identical_captions_and_pairs_without_a_picture_are_refused(compared):
    pairs = compared.pairs
    with pytest.raises(ValueError, match="the chosen and the rejected answer are identical"):
        PreferencePairs(pairs.chosen, pairs.chosen, pairs.prompt)
    for pictures in (compared.pictures[:2], compared.pictures[:, 0]):
        with pytest.raises(ValueError, match=rf"each pair of captions needs its picture: pictures \[{len(pairs)}, 3"):
            Compared(pairs, pictures)


def test_pairs_in_other_colours_have_no_words_for_them(compared):
    both, colours = also_in_other_colours(compared, seed=1), torch.tensor([VOCABULARY.index(c) for c in COLOURS])
    number = len(compared)
    assert len(both) == 2 * number
    assert torch.equal(both.pictures[:number], compared.pictures)
    assert not torch.equal(both.pictures[number:], compared.pictures)
    assert not torch.isin(both.pairs.chosen[number:], colours).any()
    plain = compared.pairs.chosen
    assert torch.equal(both.pairs.chosen[number:], plain.masked_fill(torch.isin(plain, colours), 0))


def test_a_pair_that_differs_in_a_colour_alone_has_no_other_colours(compared):
    told = written(["a small red ring", "a small blue ring"])
    one = Compared(PreferencePairs(told.tokens[:1], told.tokens[1:], told.prompt[:1]), compared.pictures[:1])
    assert len(also_in_other_colours(one, seed=1)) == 1


def test_dpo_makes_chosen_captions_win_and_leaves_model_and_tower_as_they_were(model, compared):
    before = {name: value.clone() for name, value in model.state_dict().items()}
    policy, history = align(model, compared, beta=0.5, steps=20, batch_size=12, learning_rate=1e-2)
    assert history.losses[0] == pytest.approx(0.6931, abs=1e-3)
    assert history.losses[-1] < 0.3
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    moved = {name for name, value in policy.state_dict().items() if not torch.equal(value, before[name])}
    assert moved
    assert not any(name.startswith("vision.") for name in moved)


def test_a_reward_model_learns_which_captions_were_chosen(model, compared):
    judge, _ = learn_rewards(model, compared, steps=40, batch_size=12)
    with torch.no_grad():
        chosen, rejected = (
            reward(judge, tokens, compared.pairs.prompt, seen(model, compared.pictures))
            for tokens in (compared.pairs.chosen, compared.pairs.rejected)
        )
    assert (chosen > rejected).all()


def test_policy_gradient_raises_the_reward_that_it_chases(model):
    class Words(torch.nn.Module):
        """A judge that likes long captions."""

        def forward(self, tokens, features):
            return (tokens != 0).sum(dim=1, keepdim=True).float()

    pictures = render_pictures(SCENES)
    features = seen(model, pictures)
    *_, policy = chase_rewards(model, Words(), SCENES, beta=0.0, steps=12, prompts=12, learning_rate=3e-3, seed=1)
    lengths = [
        (one.tokens != 0).sum(dim=1).float().mean().item()
        for one in (write_captions(m, pictures) for m in (model, policy))
    ]
    assert lengths[1] > lengths[0]
    told = write_captions(policy, pictures, seed=5)
    assert divergence(policy, model, told, features).mean() > 0
    assert torch.equal(divergence(model, model, told, features), torch.zeros(len(SCENES)))


def test_both_captions_of_a_pair_are_read_in_one_pass(model, compared):
    pairs, features = compared.pairs, seen(model, compared.pictures)
    both = both_log_probabilities(model, pairs.chosen, pairs.rejected, pairs.prompt, features)
    for tokens, said in zip((pairs.chosen, pairs.rejected), both, strict=True):
        assert torch.allclose(said, log_probabilities(model, tokens, pairs.prompt, features), atol=1e-5)


def test_worth_ranks_a_true_caption_above_one_with_hearsay():
    true, wrong = (hearsay(SCENES, seed=2, share=share) for share in (0.0, 1.0))
    ranked = [worth(a, scene) - worth(b, scene) for a, b, scene in zip(true, wrong, SCENES, strict=True)]
    assert set(ranked) <= {0, 1}
    assert 1 in ranked
