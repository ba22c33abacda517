"""LoRA and partial LoRA: what they leave unchanged to the last bit, what they change, and what they refuse."""

from __future__ import annotations

import hashlib
from copy import deepcopy

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from utils.models.blocks import Block, count_parameters, initialise
from utils.models.lora import LoRALinear, add_lora, image_tokens, load_lora, lora_layers, merge_lora, save_lora
from utils.models.text import TextConfig, TextEncoder

TEXT = TextConfig(width=24, depth=2, heads=2, hidden=48)
IMAGE = torch.tensor([[False, True, True, False, False], [False, False, False, True, True]])


@pytest.fixture
def base():
    torch.manual_seed(0)
    model = nn.Sequential(*(Block(16, 2, 32, causal=True) for _ in range(2)))
    initialise(model)
    return model


@pytest.fixture
def x():
    return torch.randn(2, 5, 16, generator=torch.Generator().manual_seed(1))


def with_lora(base, partial=False, pattern="*", rank=3, alpha=6.0):
    """A copy of `base` with updates as after training: B is not zero, and the same for every kind."""
    model = deepcopy(base)
    torch.manual_seed(2)
    add_lora(model, pattern, rank, alpha, partial)
    for layer in lora_layers(model).values():
        nn.init.normal_(layer.lora_B, std=0.3)
    return model


def hashes(model):
    return {
        name: hashlib.sha256(tensor.numpy().tobytes()).hexdigest()
        for name, tensor in model.state_dict().items()
        if "lora_" not in name
    }


def gradients(model):
    return [parameter.grad for parameter in model.parameters() if parameter.requires_grad]


def same_bits(a, b):
    """Not torch.equal, to which 0 and -0 are the same."""
    return a.detach().numpy().tobytes() == b.detach().numpy().tobytes()


@pytest.mark.parametrize("partial", [False, True])
def test_a_new_update_leaves_the_function_unchanged(base, x, partial):
    model = deepcopy(base)
    add_lora(model, "*", rank=3, alpha=6, partial=partial)
    if partial:
        with image_tokens(model, IMAGE):
            assert torch.equal(model(x), base(x))
    else:
        assert torch.equal(model(x), base(x))


def test_a_is_gaussian_and_b_is_zero():
    layer = LoRALinear(nn.Linear(400, 300), rank=200, alpha=1)
    assert layer.lora_A.shape == (200, 400)
    assert layer.lora_A.mean().item() == pytest.approx(0, abs=1e-3)
    assert layer.lora_A.std().item() == pytest.approx(400**-0.5, rel=0.02)
    assert (layer.lora_A.abs() > 3 * 400**-0.5).any(), "a uniform distribution would end before"
    assert layer.lora_B.shape == (300, 200)
    assert layer.lora_B.abs().max() == 0


def test_the_update_is_alpha_over_rank_times_b_a_x():
    base = nn.Linear(5, 4).double()
    layer = LoRALinear(base, rank=2, alpha=3)
    nn.init.normal_(layer.lora_B)
    x = torch.randn(7, 5, dtype=torch.float64)
    torch.testing.assert_close(layer(x), base(x) + 1.5 * (layer.lora_B @ layer.lora_A @ x.T).T)


def test_partial_lora_on_all_tokens_is_lora_bit_for_bit(base, x):
    lora, partial = with_lora(base), with_lora(base, partial=True)
    with image_tokens(partial, torch.ones(2, 5, dtype=torch.bool)):
        output = partial(x)
    assert same_bits(output, lora(x))
    assert not torch.allclose(output, base(x), atol=1e-2)
    output.square().mean().backward()
    lora(x).square().mean().backward()
    assert all(map(torch.equal, gradients(partial), gradients(lora)))


def test_partial_lora_on_no_token_is_the_base_bit_for_bit(base, x):
    partial = with_lora(base, partial=True)
    with image_tokens(partial, torch.zeros(2, 5, dtype=torch.bool)):
        output = partial(x)
    assert same_bits(output, base(x))
    output.square().mean().backward()
    assert all(gradient.abs().max() == 0 for gradient in gradients(partial))


def test_in_a_layer_text_is_the_base_and_the_picture_lora_bit_for_bit(x):
    base = nn.Sequential(nn.Linear(16, 24))
    lora, partial = with_lora(base), with_lora(base, partial=True)
    with image_tokens(partial, IMAGE):
        output = partial(x)
    assert same_bits(output[~IMAGE], base(x)[~IMAGE])
    assert same_bits(output[IMAGE], lora(x)[IMAGE])
    assert not torch.isclose(output[IMAGE], base(x)[IMAGE], atol=1e-4).all(-1).any()


def test_text_before_a_picture_is_unchanged_and_text_after_it_has_read_it(base, x):
    partial = with_lora(base, partial=True)
    with image_tokens(partial, IMAGE):
        output = partial(x)
    assert same_bits(output[0, :1], base(x)[0, :1])
    assert same_bits(output[1, :3], base(x)[1, :3])
    assert not torch.isclose(output[0, 3:], base(x)[0, 3:], atol=1e-4).all(-1).any()


def test_a_mask_may_differ_from_call_to_call_and_contexts_nest(base, x):
    partial = with_lora(base, partial=True)
    with image_tokens(partial, IMAGE):
        first = partial(x)
        with image_tokens(partial, ~IMAGE):
            assert not torch.allclose(partial(x), first, atol=1e-3)
        assert same_bits(partial(x), first)


@pytest.mark.parametrize("partial", [False, True])
def test_training_leaves_every_weight_of_the_base_unchanged(base, x, partial):
    model, before = with_lora(base, partial), hashes(base)
    # What an optimiser is given by mistake must not move either, weight decay included.
    optimiser = torch.optim.AdamW(model.parameters(), lr=0.1, weight_decay=0.5)
    old = {name: part.clone() for name, part in model.named_parameters() if "lora_" in name}
    if partial:
        with image_tokens(model, IMAGE):
            model(x).square().mean().backward()
    else:
        model(x).square().mean().backward()
    optimiser.step()
    assert hashes(model) == before
    assert not any(torch.equal(part, old[name]) for name, part in model.named_parameters() if name in old)


def test_partial_lora_learns_a_task_on_pictures_and_text_alone_stays_bit_identical(base, x):
    torch.manual_seed(3)
    model, text = deepcopy(base), torch.randn(4, 5, 16)
    add_lora(model, "*", rank=4, alpha=4, partial=True)
    optimiser = torch.optim.Adam((p for p in model.parameters() if p.requires_grad), lr=0.02)
    target, losses = torch.randn(4, 16), []
    for _ in range(60):
        with image_tokens(model, IMAGE):
            loss = (model(x)[IMAGE] - target).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 4
    with image_tokens(model, torch.zeros(4, 5, dtype=torch.bool)):
        assert same_bits(model(text), base(text))


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-10)])
def test_merged_is_unmerged(base, x, dtype, tolerance):
    model, x = with_lora(base.to(dtype)).eval(), x.to(dtype)
    unmerged = model(x)
    merge_lora(model)
    assert not lora_layers(model)
    assert not any(module.training for module in model.modules())
    assert model.state_dict().keys() == base.state_dict().keys()
    assert not torch.allclose(unmerged, base(x), atol=1e-2)
    torch.testing.assert_close(model(x), unmerged, rtol=tolerance, atol=tolerance)


def test_merging_leaves_what_was_tied_to_the_weight_alone():
    model = nn.ModuleDict({"embedding": nn.Embedding(9, 6), "head": nn.Linear(6, 9, bias=False)})
    model["head"].weight = model["embedding"].weight
    before = model["embedding"].weight.detach().clone()
    model = with_lora(model, pattern="head")
    merge_lora(model)
    assert torch.equal(model["embedding"].weight, before)
    assert not torch.allclose(model["head"].weight, before)


def test_a_layer_in_two_places_gets_one_update():
    shared = nn.Linear(6, 6)
    model = nn.Sequential(shared, nn.GELU(), shared)
    assert add_lora(model, "*", rank=2, alpha=2) == ["0"]
    assert model[0] is model[2]
    assert isinstance(model[0], LoRALinear)
    merge_lora(model)
    assert model[0] is model[2]


def test_only_the_updates_are_trained_and_counted():
    model = TextEncoder(TEXT)
    names = add_lora(model, "blocks.*.attention.*", rank=2, alpha=4)
    assert names == [f"blocks.{i}.attention.{layer}" for i in range(2) for layer in ("query_key_value", "output")]
    assert count_parameters(model) == 2 * 2 * ((24 + 72) + (24 + 24))
    more = add_lora(model, "blocks.1.feed_forward.*", rank=1, alpha=1)
    assert len(more) == 2
    assert count_parameters(model) == 2 * 2 * ((24 + 72) + (24 + 24)) + 2 * (24 + 48)


def test_a_checkpoint_of_the_base_still_fits(base, x):
    model = with_lora(base)
    other = deepcopy(base)
    initialise(other)
    result = model.load_state_dict(other.state_dict(), strict=False)
    assert not result.unexpected_keys
    assert all("lora_" in key for key in result.missing_keys)
    assert torch.equal(model[0].attention.output.weight, other[0].attention.output.weight)


@pytest.mark.parametrize("partial", [False, True])
def test_saved_updates_bring_back_the_function_without_the_base(base, x, partial, tmp_path):
    model, path = with_lora(base, partial), tmp_path / "picture.safetensors"
    save_lora(model, path)
    assert [file.name for file in tmp_path.iterdir()] == ["picture.safetensors"]
    assert path.stat().st_size < 4 * count_parameters(model) + 4000
    fresh = deepcopy(base)
    add_lora(fresh, "*", rank=3, alpha=6.0, partial=partial)
    load_lora(fresh, path)
    if partial:
        with image_tokens(fresh, IMAGE), image_tokens(model, IMAGE):
            assert same_bits(fresh(x), model(x))
    else:
        assert same_bits(fresh(x), model(x))
    assert count_parameters(fresh) == count_parameters(model)


@pytest.mark.parametrize(
    "other",
    [{"alpha": 3.0}, {"rank": 2}, {"partial": True}, {"pattern": "0.*"}],
    ids=lambda other: next(iter(other)),
)
def test_updates_of_other_settings_are_refused_and_change_nothing(base, other, tmp_path):
    save_lora(with_lora(base), tmp_path / "a.safetensors")
    model = with_lora(base, **other)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with pytest.raises(ValueError, match=r"a\.safetensors does not fit this model: .* in the file and .* in the model"):
        load_lora(model, tmp_path / "a.safetensors")
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_updates_of_layers_of_other_sizes_are_refused(tmp_path):
    save_lora(with_lora(nn.Sequential(nn.Linear(6, 8))), tmp_path / "a.safetensors")
    with pytest.raises(ValueError, match=r"0\.lora_A is \[3, 6\] in the file and \[3, 7\] in the model"):
        load_lora(with_lora(nn.Sequential(nn.Linear(7, 8))), tmp_path / "a.safetensors")


def test_a_broken_a_foreign_and_a_missing_file_are_named(base, tmp_path):
    path, model = tmp_path / "a.safetensors", with_lora(base)
    with pytest.raises(FileNotFoundError, match=r"a\.safetensors"):
        load_lora(model, path)
    save_lora(model, path)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ValueError, match=r"a\.safetensors is broken"):
        load_lora(model, path)
    save_file({"weight": torch.ones(2)}, path)
    with pytest.raises(ValueError, match=r"a\.safetensors is broken or was not written by `save_lora`"):
        load_lora(model, path)


def test_partial_lora_without_a_mask_is_an_error(base, x):
    partial = with_lora(base, partial=True)
    with pytest.raises(ValueError, match="must know the image tokens"):
        partial(x)
    with image_tokens(partial, IMAGE):
        partial(x)
    with pytest.raises(ValueError, match="must know the image tokens"):  # the mask ends with its context
        partial(x)


def test_the_mask_ends_even_if_the_model_fails(base, x):
    partial = with_lora(base, partial=True)
    with pytest.raises(RuntimeError, match="by the way"), image_tokens(partial, IMAGE):
        raise RuntimeError("by the way")
    assert all(layer.image_mask is None for layer in lora_layers(partial).values())


@pytest.mark.parametrize("shape", [(2, 4), (5,), (1, 5), (2, 5, 1)])
def test_a_mask_of_another_shape_is_refused_even_if_it_could_be_broadcast(base, x, shape):
    partial = with_lora(base, partial=True)
    with (
        pytest.raises(ValueError, match=r"the mask of image tokens is \[.*\] and the positions .* are \[2, 5\]"),
        image_tokens(partial, torch.ones(shape, dtype=torch.bool)),
    ):
        partial(x)


def test_a_mask_that_is_not_bool_is_refused(base):
    with (
        pytest.raises(ValueError, match=r"must be of bool .* not torch.int64"),
        image_tokens(with_lora(base, partial=True), IMAGE.long()),
    ):
        pass


def test_a_mask_for_a_model_without_partial_lora_is_refused(base):
    with pytest.raises(ValueError, match="has no partial LoRA"), image_tokens(with_lora(base), IMAGE):
        pass


@pytest.mark.parametrize("rank", [0, -1, 17])
def test_a_rank_that_does_not_fit_is_refused_and_changes_nothing(base, rank):
    with pytest.raises(ValueError, match=rf"rank {rank} does not fit a linear layer from 16 to 48 .* choose 1 to 16"):
        add_lora(base, "*", rank, alpha=1)
    assert not lora_layers(base)
    assert all(parameter.requires_grad for parameter in base.parameters())


@pytest.mark.parametrize("alpha", [0, -1, float("nan"), float("inf")])
def test_alpha_must_be_positive(alpha):
    with pytest.raises(ValueError, match="alpha must be a positive number"):
        LoRALinear(nn.Linear(4, 4), 2, alpha)


def test_a_pattern_that_matches_no_linear_layer_is_refused(base):
    with pytest.raises(ValueError, match=r"'\*\.norm_1' matches no linear layer of this Sequential \(it has: 0\.att"):
        add_lora(base, "*.norm_1", 2, 2)
    with pytest.raises(ValueError, match="matches no linear layer of this Linear"):
        add_lora(nn.Linear(4, 4), "*", 2, 2)  # it cannot be replaced within itself


def test_a_layer_that_nobody_calls_is_not_adapted():
    model = nn.ModuleDict({"attention": nn.MultiheadAttention(8, 2)})  # reads out_proj.weight
    with pytest.raises(ValueError, match=r"matches no linear layer of this ModuleDict \(it has: none\)"):
        add_lora(model, "*", 2, 2)


def test_wrapping_a_layer_twice_is_refused_and_changes_nothing(base):
    add_lora(base, "*.expand", 2, 2)
    with pytest.raises(ValueError, match=r"'\*' matches 0\.feed_forward\.expand, which has LoRA already"):
        add_lora(base, "*", 2, 2)
    assert list(lora_layers(base)) == ["0.feed_forward.expand", "1.feed_forward.expand"]


def test_partial_lora_cannot_be_merged(base):
    model = with_lora(base, pattern="0.*")
    add_lora(model, "1.*", 2, 2, partial=True)
    before = list(lora_layers(model))
    with pytest.raises(ValueError, match="partial LoRA cannot be merged"):
        merge_lora(model)
    assert list(lora_layers(model)) == before


@pytest.mark.parametrize(
    "use", [merge_lora, lambda model: save_lora(model, None), lambda model: load_lora(model, None)]
)
def test_a_model_without_lora_says_how_to_add_it(base, use):
    with pytest.raises(ValueError, match=r"has no LoRA; `add_lora` adds it"):
        use(base)
