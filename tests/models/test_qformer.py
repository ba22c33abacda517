"""Learnt queries between a picture and a text: who sees whom, what it says, and as the bridge to a language model."""

from __future__ import annotations

import hashlib

import pytest
import torch
import torch.nn.functional as F

from utils.models.gpt import GPT, GPTConfig, next_token_loss
from utils.models.llava import LLaVA, LLaVAConfig, picture_prompt
from utils.models.qformer import OBJECTIVES, QFormer, QFormerBridge, QFormerConfig, may_see
from utils.models.vit import ViT, ViTConfig
from utils.training.loop import fit, overfit
from utils.world import VOCABULARY, render_pictures, sample_scenes, tokenize
from utils.world.tokenizer import END, PAD, START, UnknownWordError

CONFIG = QFormerConfig(vision_width=16, queries=3, width=24, depth=2, heads=2, hidden=48, length=8, shared_width=12)
TOKENS = torch.tensor([[START, 9, 20, 21, 22, END], [START, 23, 24, END, PAD, PAD]])
WORDS = TOKENS != PAD


@pytest.fixture
def model():
    torch.manual_seed(0)
    return QFormer(CONFIG).eval()


@pytest.fixture
def patches():
    return torch.randn(2, 4, 16, generator=torch.Generator().manual_seed(1))


def hashes(model):
    return {name: hashlib.sha256(tensor.numpy().tobytes()).hexdigest() for name, tensor in model.state_dict().items()}


def test_each_objective_says_who_may_see_whom():
    q, w, n = (slice(0, 2), slice(2, 4), slice(4, 5))  # two queries, two words, and padding
    seen = {objective: may_see(objective, torch.tensor([[True, True, False]]), 2)[0] for objective in OBJECTIVES}
    for allowed in seen.values():
        assert allowed[q, q].all()
        assert not allowed[:, n].any()
    assert not seen["contrastive"][q, w].any()
    assert not seen["contrastive"][w, q].any()
    assert seen["contrastive"][w, w].all()
    assert seen["matching"][:, :4].all()
    assert not seen["generation"][q, w].any()
    assert seen["generation"][w, q].all()
    assert seen["generation"][w, w].tolist() == [[True, False], [True, True]]


def test_contrastive_queries_and_words_are_those_that_have_never_met(model, patches):
    queries, text = model.fuse(patches, TOKENS, "contrastive")
    assert torch.allclose(queries, model.look(patches), atol=1e-6)
    assert torch.allclose(text, model.read(TOKENS), atol=1e-6)


def test_queries_see_the_text_in_matching_only(model, patches):
    other = torch.where(TOKENS == 20, 30, TOKENS)
    for objective in OBJECTIVES:
        one, two = (model.fuse(patches, tokens, objective)[0][0] for tokens in (TOKENS, other))
        assert torch.equal(one, two) == (objective != "matching")


def test_words_see_the_picture_but_for_the_contrastive_objective(model, patches):
    for objective in OBJECTIVES:
        one, two = (model.fuse(some, TOKENS, objective)[1] for some in (patches, -patches))
        assert torch.equal(one, two) == (objective == "contrastive")


def test_in_generation_no_word_sees_a_later_one(model, patches):
    before = model.describe(patches, TOKENS)
    for position in range(1, 6):
        changed = TOKENS.clone()
        changed[:, position:] = 33
        after = model.describe(patches, changed)
        assert torch.allclose(after[:, :position], before[:, :position], atol=1e-6)
        assert not torch.allclose(after[0, position], before[0, position], atol=1e-3)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_padding_changes_nothing(model, patches, objective):
    longer = F.pad(TOKENS, (0, 2), value=PAD)
    (queries, text), (queries_2, text_2) = (model.fuse(patches, t, objective) for t in (TOKENS, longer))
    assert torch.allclose(queries, queries_2, atol=1e-6)
    assert torch.allclose(text[WORDS], text_2[:, :6][WORDS], atol=1e-6)
    assert torch.allclose(model.similarity(patches, TOKENS), model.similarity(patches, longer), atol=1e-5)


def test_similarity_is_that_of_the_query_that_fits_best(model, patches):
    similarity = model.similarity(patches, TOKENS[:1])
    assert similarity.shape == (2, 1)
    text = F.normalize(model.text_projection(model.read(TOKENS[:1])[0, 0]), dim=0)
    for picture in range(2):
        cosines = F.cosine_similarity(model.picture_projection(model.look(patches)[picture]), text[None])
        assert similarity[picture, 0].item() == pytest.approx(cosines.max().item() / 0.07, rel=1e-4)


def test_every_second_block_looks_at_the_picture():
    model = QFormer(QFormerConfig(vision_width=16, depth=4))
    assert [block.cross_attention is not None for block in model.blocks] == [True, False, True, False]


def three_losses(model, patches, tokens):
    """BLIP-2's first stage: contrast, match (each text also with the next picture) and generation."""
    similarity, own = model.similarity(patches, tokens), torch.arange(len(tokens))
    contrast = (F.cross_entropy(similarity, own) + F.cross_entropy(similarity.T, own)) / 2
    pairs = model.match(torch.cat([patches, patches.roll(1, 0)]), torch.cat([tokens, tokens]))
    matched = F.cross_entropy(pairs, torch.arange(2).repeat_interleave(len(tokens)).flip(0))
    return contrast + matched + next_token_loss(model.describe(patches, tokens), tokens)


def test_it_learns_all_three_objectives_at_once():
    torch.manual_seed(0)
    tokens = torch.tensor([[START, 20 + row, 30 - row, END] for row in range(6)])
    history = overfit(QFormer(CONFIG), (torch.randn(6, 4, 16), tokens), three_losses, steps=120, learning_rate=1e-2)
    assert history.losses[0] > 3
    assert history.losses[-1] < 0.3


def bridged():
    torch.manual_seed(0)
    vision = ViTConfig(width=16, depth=2, heads=2, hidden=32, patch_size=8, clip_style=True)
    language = GPTConfig(vocabulary=len(VOCABULARY), length=24, width=20, depth=2, heads=2, hidden=40)
    return LLaVA(
        LLaVAConfig(vision, language), ViT(vision), GPT(language), projector=QFormerBridge(QFormer(CONFIG), 20)
    )


def test_as_a_bridge_it_gives_a_language_model_one_soft_token_a_query():
    model, pictures = bridged(), render_pictures(sample_scenes(2, seed=1))
    assert model.soft_tokens(pictures).shape == (2, 3, 20)
    tokens = tokenize([picture_prompt("<image> a red circle", CONFIG.queries)] * 2, 10, len(VOCABULARY))
    assert model(tokens, pictures).shape == (2, 10, len(VOCABULARY))
    with pytest.raises(ValueError, match="2 pictures of 3 soft tokens each fill 6 places"):
        model(tokens[:1], pictures)


def test_between_two_frozen_models_only_the_bridge_learns():
    model, pictures = bridged(), render_pictures(sample_scenes(2, seed=1))
    model.vision.requires_grad_(False)
    model.language.requires_grad_(False)
    vision, language, bridge = hashes(model.vision), hashes(model.language), hashes(model.projector)
    tokens = tokenize([picture_prompt("<image> a red circle", CONFIG.queries)] * 2, 10, len(VOCABULARY))

    def loss(model, tokens, pictures):
        return next_token_loss(model(tokens, pictures), tokens)

    fit(model, [(tokens, pictures)] * 3, loss, steps=3, learning_rate=1e-2)
    assert hashes(model.vision) == vision
    assert hashes(model.language) == language
    assert hashes(model.projector)["qformer.queries"] != bridge["qformer.queries"]


def test_what_does_not_fit_is_refused(model, patches):
    with pytest.raises(ValueError, match="from 1 to 8 long"):
        model.read(torch.full((1, 9), 9))
    with pytest.raises(UnknownWordError, match="knows the tokens 0 to"):
        model.read(torch.tensor([[START, len(VOCABULARY)]]))
    with pytest.raises(ValueError, match=r"patches are \[batch, patches, 16\], not \[2, 4, 15\]"):
        model.look(patches[..., :15])
    with pytest.raises(ValueError, match="2 pictures and 1 texts are not as many"):
        model.match(patches, TOKENS[:1])
    with pytest.raises(ValueError, match="one of contrastive, matching, generation, not 'captioning'"):
        model.fuse(patches, TOKENS, "captioning")
    with pytest.raises(ValueError, match="width 24 must be a multiple of the number of heads, 5"):
        QFormer(QFormerConfig(vision_width=16, width=24, heads=5))


def test_it_trains_in_bfloat16_autocast(model, patches):
    with torch.autocast("cpu", torch.bfloat16):
        loss = three_losses(model, patches, TOKENS)
    loss.backward()
    assert loss.item() == pytest.approx(three_losses(model, patches, TOKENS).item(), rel=0.05)
