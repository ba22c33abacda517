"""A language model that reads soft tokens in the place of <image>, and is otherwise the language model it was."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from utils.models.gpt import GPTConfig, next_token_loss
from utils.models.llava import (
    NEVER_WRITTEN,
    LLaVA,
    LLaVAConfig,
    Projector,
    ProjectorConfig,
    merge_patches,
    picture_prompt,
)
from utils.models.vit import ViTConfig
from utils.training.loop import overfit
from utils.world import VOCABULARY, render_captions, render_pictures, sample_scenes, tokenize
from utils.world.tokenizer import END, IMAGE, PAD

CONFIG = LLaVAConfig(
    vision=ViTConfig(width=16, depth=1, heads=2, hidden=32, patch_size=16, clip_style=True),
    language=GPTConfig(vocabulary=len(VOCABULARY), length=40, width=24, depth=2, heads=2, hidden=48),
)
PATCHES = CONFIG.soft_tokens


def prompts(*texts):
    return tokenize([picture_prompt(text, PATCHES) for text in texts], 24, len(VOCABULARY))


@pytest.fixture
def model():
    torch.manual_seed(0)
    return LLaVA(CONFIG).eval()


@pytest.fixture
def pictures():
    return render_pictures(sample_scenes(3, seed=1))


def test_soft_tokens_stand_where_the_pictures_are_named_in_their_order(model, pictures):
    tokens = prompts("<image> what colour is the circle", "a <image> or a <image>")
    soft = model.soft_tokens(pictures)
    embeddings = model.embed(tokens, soft)
    assert torch.equal(embeddings[0, 1 : 1 + PATCHES], soft[0])
    assert torch.equal(embeddings[1, 2 : 2 + PATCHES], soft[1])
    assert torch.equal(embeddings[1, 4 + PATCHES : 4 + 2 * PATCHES], soft[2])
    text = tokens != IMAGE
    assert torch.equal(embeddings[text], model.language.embed(tokens)[text])


def test_without_a_picture_it_is_its_language_model(model, pictures):
    tokens = tokenize(["a red circle above a blue star"], 24, len(VOCABULARY))
    assert torch.equal(model(tokens, pictures[:0]), model.language(tokens))


def test_no_text_before_a_picture_depends_on_it_and_all_after_it_does(model, pictures):
    tokens = prompts("a red <image> circle")
    one, other = model(tokens, pictures[:1]), model(tokens, pictures[1:2])
    assert torch.equal(one[:, :3], other[:, :3])
    assert not torch.equal(one[:, 3 + PATCHES], other[:, 3 + PATCHES])


def test_pictures_and_places_must_be_as_many(model, pictures):
    tokens = prompts("<image> nothing")
    with pytest.raises(
        ValueError, match=f"3 pictures of 4 soft tokens each fill 12 places and the tokens hold {PATCHES}"
    ):
        model(tokens, pictures)
    with pytest.raises(ValueError, match="the tokens hold 0 <image>"):
        model(tokenize(["nothing"], vocabulary=len(VOCABULARY)), pictures[:1])


def test_a_picture_is_not_torn_between_two_texts(model, pictures):
    tokens = prompts("a red circle nothing", "<image>")
    tokens[0, 1], tokens[1, 1] = IMAGE, 5  # as many places as before, and the picture begins in the text above
    with pytest.raises(ValueError, match="text 0 holds 1 <image>, and a picture takes 4: it would be torn"):
        model(tokens, pictures[:1])


def test_more_than_the_context_holds_is_refused_with_both_numbers(model, pictures):
    many = " ".join(["<image>"] * 10)
    tokens = tokenize([picture_prompt(many, PATCHES)], 42, len(VOCABULARY))
    ten = render_pictures(sample_scenes(10, seed=2))
    with pytest.raises(ValueError, match=r"reads from 1 to 40 vectors .*, not \[1, 42, 24\]"):
        model(tokens, ten)
    with pytest.raises(ValueError, match=r"a prompt of 6 and 35 new tokens do not fit .* reads 40"):
        model.generate(prompts("<image>"), pictures[:1], 35)


def test_a_batch_that_teaches_nothing_is_refused(model, pictures):
    tokens = prompts("<image> nothing")
    nothing = torch.zeros_like(tokens, dtype=torch.bool)
    only_the_picture = tokens == IMAGE
    for learnt in (nothing, only_the_picture):
        with pytest.raises(ValueError, match="no token is left to learn"):
            next_token_loss(model(tokens, pictures[:1]), tokens, learnt)


def test_a_language_model_that_does_not_know_image_is_refused():
    with pytest.raises(ValueError, match="knows 78 tokens, and <image> is token"):
        LLaVAConfig(vision=CONFIG.vision, language=GPTConfig(vocabulary=78))


def test_it_learns_to_say_what_its_pictures_show():
    scenes = sample_scenes(24, seed=3, objects=(1, 1))
    pictures, captions = render_pictures(scenes), render_captions(scenes)
    tokens = prompts(*(f"<image> {caption}" for caption in captions))
    torch.manual_seed(0)
    model = LLaVA(CONFIG)

    def loss(model, tokens, pictures):
        return next_token_loss(model(tokens, pictures), tokens)

    history = overfit(model, (tokens, pictures), loss, steps=250, learning_rate=1e-2)
    assert history.losses[-1] < 0.2, "the captions differ, and only the pictures say which it is"


def test_generating_goes_on_after_the_prompt_and_sees_the_picture(model, pictures):
    prompt = prompts("<image>", "a <image> <image>")
    ends = (prompt == 3).nonzero()
    prompt[ends[:, 0], ends[:, 1]] = PAD
    told = model.generate(prompt, pictures, 5)
    assert told.shape == (2, 5)
    alone = model.generate(prompt[1:], pictures[1:], 5)
    assert torch.equal(told[1:], alone)


def test_nothing_is_learnt_at_the_places_of_a_picture(model, pictures):
    tokens = prompts("<image> a red circle")
    logits = model(tokens, pictures[:1])
    changed = logits.clone()
    changed[:, :PATCHES] += torch.randn(1, PATCHES, len(VOCABULARY))
    assert torch.equal(next_token_loss(logits, tokens), next_token_loss(changed, tokens))


def test_merged_patches_are_squares_of_neighbours_in_reading_order():
    patches = torch.arange(16).view(1, 16, 1)
    assert merge_patches(patches, 2)[0].tolist() == [[0, 1, 4, 5], [2, 3, 6, 7], [8, 9, 12, 13], [10, 11, 14, 15]]
    assert torch.equal(merge_patches(patches, 1), patches)


def test_with_merged_patches_a_picture_takes_fewer_soft_tokens(pictures):
    config = replace(CONFIG, merge=2)
    model = LLaVA(config).eval()
    assert config.soft_tokens == CONFIG.soft_tokens // 4
    assert model.soft_tokens(pictures).shape == (3, config.soft_tokens, CONFIG.language.width)


@pytest.mark.parametrize("merge", [0, 3])
def test_patches_that_cannot_be_merged_so_are_refused(merge):
    with pytest.raises(ValueError, match=f"squares of {merge} by {merge}; choose a merge that divides 2"):
        replace(CONFIG, merge=merge)


def test_it_writes_words_and_no_token_that_no_text_holds(model, pictures):
    prompt = prompts("<image>", "<image>", "<image>")[:, : 1 + PATCHES]
    with torch.no_grad():  # a language model that would like nothing more than to write them
        model.language.norm_out.weight.zero_()
        model.language.norm_out.bias.copy_(10 * model.language.embedding.weight[list(NEVER_WRITTEN)].sum(0))
    assert int(model(prompt, pictures)[0, -1].argmax()) in NEVER_WRITTEN
    for temperature in (0.0, 1.0, 5.0):
        told = model.generate(prompt, pictures, 8, temperature=temperature, seed=1)
        before_the_end = (told == END).cumsum(dim=1) == 0
        assert not torch.isin(told[before_the_end], torch.tensor(NEVER_WRITTEN)).any()


def test_a_projector_has_as_many_layers_as_it_is_told_and_a_norm_behind_them_if_it_is_told(pictures):
    one, five = Projector(ProjectorConfig(6, 4, layers=1, norm=True)), Projector(ProjectorConfig(6, 4))
    assert [type(part).__name__ for part in one] == ["Linear", "LayerNorm"]
    assert [type(part).__name__ for part in five] == ["Linear", "GELU", "Linear"]
    model = LLaVA(replace(CONFIG, projector_layers=1, projector_norm=True)).eval()
    assert model.projector.config == ProjectorConfig(16, 24, layers=1, norm=True)
    soft = model.soft_tokens(pictures)
    torch.testing.assert_close(soft.mean(dim=-1), torch.zeros(soft.shape[:2]), atol=1e-5, rtol=0)
    torch.testing.assert_close(soft.std(dim=-1, correction=0), torch.ones(soft.shape[:2]), atol=1e-2, rtol=0)


def test_a_norm_behind_the_projector_changes_no_other_weight():
    weights = []
    for norm in (False, True):
        torch.manual_seed(3)
        weights.append(LLaVA(replace(CONFIG, projector_norm=norm)).state_dict())
    without, with_norm = weights
    assert with_norm.keys() - without.keys() == {"projector.3.weight", "projector.3.bias"}
    assert all(torch.equal(tensor, with_norm[name]) for name, tensor in without.items())


def test_a_projector_without_a_layer_is_refused():
    with pytest.raises(ValueError, match="a projector has one linear layer or more, not 0"):
        Projector(ProjectorConfig(6, 4, layers=0))


def test_a_picture_sees_the_question_only_in_a_prefix(model, pictures):
    one, other = prompts("<image> what colour is the circle"), prompts("<image> what colour is the star")
    vectors = [model.embed(tokens, model.soft_tokens(pictures[:1])) for tokens in (one, other)]

    def at_picture(vectors, prefix):
        seen = []
        hook = model.language.norm_out.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
        model.language.decode(vectors, prefix)
        hook.remove()
        return seen[0][0, 1 : 1 + PATCHES]

    causal = [at_picture(some, None) for some in vectors]
    at_once = [at_picture(some, one != PAD) for some in vectors]
    assert torch.equal(*causal)
    assert (at_once[0] - at_once[1]).abs().max() > 1e-4


def test_what_is_written_behind_a_prefix_is_what_one_pass_over_it_says(model, pictures):
    with torch.no_grad():
        for weights in model.language.parameters():  # so that it does not say the same whatever it reads
            weights.add_(0.3 * torch.randn_like(weights))
    prompt = prompts("<image> what colour is the circle", "<image> nothing", "<image>")
    prompt = prompt.masked_fill(prompt == END, PAD)
    lengths, prefix = (prompt != PAD).sum(dim=1), prompt != PAD
    told = model.generate(prompt, pictures, 4, prefix=prefix)
    whole = torch.nn.functional.pad(prompt, (0, 4))
    for row, words in enumerate(told):
        whole[row, lengths[row] : lengths[row] + 4] = words
    at_once = torch.nn.functional.pad(prefix, (0, 4))
    logits = model(whole, pictures, at_once).index_fill(-1, torch.tensor(NEVER_WRITTEN), -torch.inf)
    for row, words in enumerate(told):
        ended = (words == END).cumsum(0) - (words == END).long()
        start = int(lengths[row]) - 1
        assert torch.equal(logits[row, start : start + 4].argmax(dim=-1)[ended == 0], words[ended == 0])
    assert not torch.equal(told, model.generate(prompt, pictures, 4)), "the mask matters"
