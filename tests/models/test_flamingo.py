"""A frozen language model that looks at pictures: what it stays, what it sees, and what it refuses."""

from __future__ import annotations

import hashlib

import pytest
import torch
from torch import nn

from utils.models.flamingo import Flamingo, FlamingoConfig, GatedCrossAttention, ResamplerConfig, sees
from utils.models.gpt import GPT, GPTConfig, next_token_loss
from utils.models.vit import ViT, ViTConfig
from utils.training.loop import fit, overfit
from utils.world.tokenizer import END, IMAGE, PAD, START

CONFIG = FlamingoConfig(
    vision=ViTConfig(width=16, depth=2, heads=2, hidden=32, patch_size=16, clip_style=True),
    language=GPTConfig(vocabulary=IMAGE + 1, length=12, width=24, depth=2, heads=2, hidden=48),
    resampler=ResamplerConfig(latents=3, depth=2, heads=2, frames=4),
)
TOKENS = torch.tensor([[START, 9, IMAGE, 20, IMAGE, 21, 22], [START, IMAGE, 23, 24, IMAGE, 20, END]])


def opened(model):
    """As after training: no gate is closed."""
    with torch.no_grad():
        for gated in model.gated:
            gated.attention_gate.fill_(0.8)
            gated.feed_forward_gate.fill_(-0.5)
    return model


def pictures_like(*shape):
    return torch.randint(0, 256, (*shape, 3, 32, 32), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)


def hashes(model):
    return {name: hashlib.sha256(tensor.numpy().tobytes()).hexdigest() for name, tensor in model.state_dict().items()}


def outputs(model, layers, tokens, pictures):
    """What each of `layers` returns, and the whole model."""
    found = []
    handles = [layer.register_forward_hook(lambda _layer, _given, output: found.append(output)) for layer in layers]
    found.append(model(tokens, pictures))
    for handle in handles:
        handle.remove()
    assert len(found) == len(layers) + 1
    return found


@pytest.fixture
def model():
    torch.manual_seed(0)
    return Flamingo(CONFIG).eval()


@pytest.fixture
def pictures():
    return pictures_like(2, 2)


def answer_loss(model, tokens, pictures):
    """The loss of what stands behind each row's last picture: all before it is its prompt."""
    last = sees(tokens, pictures.shape[1])[:, :, -1]
    return next_token_loss(model(tokens, pictures), tokens, learnt=last)


def test_gate_at_zero_leaves_the_language_model_unchanged(model, pictures):
    seeing, alone = model(TOKENS, pictures), model.language(TOKENS)
    assert seeing.detach().numpy().tobytes() == alone.detach().numpy().tobytes()
    assert not torch.equal(opened(model)(TOKENS, pictures), alone)


def test_an_open_gate_is_open_for_attention_and_feed_forward_alone(model, pictures):
    alone = model(TOKENS, pictures)
    for gate in ("attention_gate", "feed_forward_gate"):
        nn.init.constant_(getattr(model.gated[1], gate), 0.5)
        assert not torch.equal(model(TOKENS, pictures), alone)
        nn.init.zeros_(getattr(model.gated[1], gate))
        assert torch.equal(model(TOKENS, pictures), alone)


def test_each_token_sees_the_last_picture_at_or_before_it():
    shown = sees(TOKENS, 2).int().tolist()
    assert shown[0] == [[0, 0], [0, 0], [1, 0], [1, 0], [0, 1], [0, 1], [0, 1]]
    assert shown[1] == [[0, 0], [1, 0], [1, 0], [1, 0], [0, 1], [0, 1], [0, 1]]


def test_a_gated_layer_lets_no_token_see_another_picture_than_its_own():
    torch.manual_seed(0)
    layer = GatedCrossAttention(24, 2, 48, 16)
    nn.init.ones_(layer.attention_gate)
    latents = torch.randn(1, 2, 3, 16, requires_grad=True)
    shown = sees(TOKENS[:1], 2)
    output = layer(torch.randn(1, 7, 24), latents.flatten(1, 2), shown.repeat_interleave(3, dim=2))
    for position in range(7):
        (gradient,) = torch.autograd.grad(output[0, position].sum(), latents, retain_graph=True)
        assert (gradient[0].abs().sum(dim=(1, 2)) > 0).tolist() == shown[0, position].tolist()


def test_no_text_token_sees_a_later_picture(model, pictures):
    opened(model)
    other = pictures.clone()
    other[:, 1] = 255 - other[:, 1]
    one, two = model(TOKENS, pictures), model(TOKENS, other)
    for row, second in enumerate((4, 4)):
        assert torch.equal(one[row, :second], two[row, :second])
        assert not torch.isclose(one[row, second:], two[row, second:]).all(dim=-1).any()


def test_an_earlier_picture_is_seen_through_the_text_that_followed_it(model, pictures):
    opened(model)
    other = pictures.clone()
    other[:, 0] = 255 - other[:, 0]
    one, two = model(TOKENS, pictures), model(TOKENS, other)
    assert torch.equal(one[0, :2], two[0, :2])
    assert not torch.isclose(one[0, 2:], two[0, 2:]).all(dim=-1).any()


def test_no_token_sees_a_later_token_in_any_layer(model, pictures):
    opened(model)
    layers = [*model.gated, *model.language.blocks]
    for position in range(1, 7):
        changed = TOKENS.clone()
        changed[:, position] = torch.where(TOKENS[:, position] == IMAGE, IMAGE, 30)
        one, two = outputs(model, layers, TOKENS, pictures), outputs(model, layers, changed, pictures)
        for before, after in zip(one, two, strict=True):
            assert torch.equal(before[:, :position], after[:, :position])


def test_without_a_picture_the_text_is_read_as_before_the_first_one(model, pictures):
    opened(model)
    text = torch.tensor([[START, 9], [START, 9]])
    alone = model(text, pictures[:, :0])
    assert torch.allclose(alone[0], model(TOKENS, pictures)[0, :2], atol=1e-6)
    next_token_loss(alone, text).backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in model.parameters())


def test_only_what_was_inserted_learns_and_the_frozen_stays_to_the_last_bit(model, pictures):
    vision, language = hashes(model.vision), hashes(model.language)
    new = hashes(model.resampler) | hashes(model.gated)
    fit(model, [(TOKENS, pictures)] * 4, answer_loss, steps=4, learning_rate=1e-2)
    assert hashes(model.vision) == vision
    assert hashes(model.language) == language
    assert not [name for name, value in (hashes(model.resampler) | hashes(model.gated)).items() if new[name] == value]


def test_trained_models_are_taken_over_and_frozen():
    vision, language = ViT(CONFIG.vision), GPT(CONFIG.language)
    model = Flamingo(CONFIG, vision, language)
    assert model.vision is vision
    assert model.language is language
    learning = {name.split(".")[0] for name, p in model.named_parameters() if p.requires_grad}
    assert learning == {"resampler", "gated"}


def test_nothing_is_learnt_at_pictures_and_in_prompts(model, pictures):
    logits = model(TOKENS, pictures).detach().requires_grad_()
    last = sees(TOKENS, 2)[:, :, -1]
    next_token_loss(logits, TOKENS, learnt=last).backward()
    taught = logits.grad.abs().sum(dim=-1) > 0
    assert taught.int().tolist() == [[0, 0, 0, 0, 1, 1, 0], [0, 0, 0, 0, 1, 1, 0]]


def test_a_batch_without_a_word_to_learn_is_refused(model, pictures):
    with pytest.raises(ValueError, match="no token is left to learn"):
        next_token_loss(model(TOKENS, pictures), TOKENS, learnt=torch.zeros_like(TOKENS, dtype=torch.bool))


def test_a_picture_is_a_video_of_one_frame(model, pictures):
    opened(model)
    assert torch.equal(model(TOKENS, pictures), model(TOKENS, pictures.unsqueeze(2)))


def test_a_video_takes_as_many_latents_as_a_picture_and_its_frames_have_an_order(model):
    videos = pictures_like(2, 1, 4)
    nn.init.normal_(model.resampler.times)
    forward, backward = (model.resample(model.features(v)) for v in (videos, videos.flip(2)))
    assert forward.shape == (2, 1, 3, 16)
    assert not torch.allclose(forward, backward, atol=1e-4)
    nn.init.zeros_(model.resampler.times)
    forward, backward = (model.resample(model.features(v)) for v in (videos, videos.flip(2)))
    assert torch.allclose(forward, backward, atol=1e-5), "only the frames' vectors tell when a frame was"


def test_a_picture_and_a_video_stand_in_one_text(model, pictures):
    opened(model)
    shown = [model.resample(model.features(some)) for some in (pictures[:, :1], pictures_like(2, 1, 3))]
    logits = model.read(TOKENS, torch.cat(shown, dim=1))
    assert logits.shape == (2, 7, IMAGE + 1)
    assert torch.allclose(logits[0, :4], model(TOKENS, pictures)[0, :4], atol=1e-6)


def test_markers_and_pictures_must_be_as_many(model, pictures):
    with pytest.raises(ValueError, match=r"2 rows of 1 pictures .*; these hold \[2, 2\]"):
        model(TOKENS, pictures[:, :1])
    uneven = torch.tensor([[START, IMAGE, 9, IMAGE], [START, IMAGE, 9, 10]])
    with pytest.raises(ValueError, match=r"2 rows of 2 pictures .*; these hold \[2, 1\]"):
        model(uneven, pictures)
    with pytest.raises(ValueError, match=r"1 rows of 2 pictures .*; these hold \[2, 2\]"):
        model(TOKENS, pictures[:1])


def test_no_more_tokens_pictures_or_frames_than_the_model_has_room_for(model, pictures):
    with pytest.raises(ValueError, match="reads 12 tokens, not 13"):
        model(torch.full((1, 13), 9), pictures[:1, :0])
    with pytest.raises(ValueError, match="reads 12 tokens, not 14"):
        model(torch.tensor([[START] + 13 * [IMAGE]]), pictures_like(1, 13))
    with pytest.raises(ValueError, match=r"\[batch, 1 to 4 frames, patches, 16\], not \[2, 5, 4, 16\]"):
        model(TOKENS[:, :3][:, [0, 2]][:1].expand(2, -1), pictures_like(2, 1, 5))
    with pytest.raises(ValueError, match=r"pictures are \[batch, number, \(frames,\) channels, height, width\], not"):
        model(TOKENS, pictures[:, 0])


def test_sizes_must_fit():
    with pytest.raises(ValueError, match="<image> is token"):
        FlamingoConfig(CONFIG.vision, GPTConfig(), CONFIG.resampler)
    with pytest.raises(ValueError, match="width 16 must be a multiple of the number of heads, 3"):
        Flamingo(FlamingoConfig(CONFIG.vision, CONFIG.language, ResamplerConfig(heads=3)))


def test_it_learns_what_only_the_pictures_say(model):
    pictures = pictures_like(8, 1)
    tokens = torch.tensor([[START, IMAGE, 20 + row, END] for row in range(8)])
    nn.init.normal_(model.language.embedding.weight)  # at 0.02, a frozen and untrained model could prefer no word
    history = overfit(model, (tokens, pictures), answer_loss, steps=80, learning_rate=2e-2)
    assert history.losses[-1] < 0.1


def test_generating_sees_the_pictures_and_stands_alone_in_its_row(model, pictures):
    opened(model)
    prompt = torch.tensor([[START, 9, IMAGE, 20, IMAGE], [START, IMAGE, IMAGE, PAD, PAD]])
    written = model.generate(prompt, pictures, 5)
    assert written.shape == (2, 5)
    assert torch.equal(written[1:], model.generate(prompt[1:, :3], pictures[1:], 5))
    tokens = prompt[:1]
    for word in written[0].tolist():
        likely = model(tokens, pictures[:1])[0, -1]
        likely[IMAGE] = float("-inf")
        assert likely.argmax() == word
        tokens = torch.cat([tokens, torch.tensor([[word]])], dim=1)
        if word == END:
            break


def test_it_writes_no_picture_and_nothing_behind_the_end(model, pictures):
    with torch.no_grad():  # <image> would be the likeliest token everywhere, and <end> the second
        model.language.norm_out.weight.zero_()
        model.language.norm_out.bias.fill_(1.0)
        model.language.embedding.weight.zero_()
        model.language.embedding.weight[IMAGE] = 2.0
        model.language.embedding.weight[END] = 1.0
    assert model.generate(TOKENS[:, :5], pictures, 3).tolist() == [[END, PAD, PAD]] * 2


@pytest.mark.parametrize(("prompt", "new"), [([[START] + 9 * [9]], 3), ([[PAD]], 1), ([[START]], 0), ([[PAD, 9]], 1)])
def test_prompts_that_do_not_fit_are_refused(model, pictures, prompt, new):
    with pytest.raises(ValueError, match="which reads 12"):
        model.generate(torch.tensor(prompt), pictures[:1, :0], new)


def test_it_trains_in_bfloat16_autocast(model, pictures):
    opened(model)
    with torch.autocast("cpu", torch.bfloat16):
        logits = model(TOKENS, pictures)
    next_token_loss(logits.float(), TOKENS).backward()
    assert torch.allclose(logits.float(), model(TOKENS, pictures), atol=0.05)
