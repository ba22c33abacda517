"""Our video Transformer computes what transformers' TimeSformer does under the same weights, and its gradients."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from weights import Tensors, disturb, gradients, load, parameters, patches_as_convolution, sizes

from utils.models.video import VideoConfig, VideoTransformer
from utils.models.vit import ViTConfig

PRECISIONS = [pytest.param(torch.float32, 1e-5, id="fp32"), pytest.param(torch.float64, 1e-10, id="fp64")]
VIDEOS = [
    pytest.param(VideoConfig(ViTConfig(width=24, depth=1, heads=2, hidden=40), frames=4, tubelet=1), id="depth1"),
    pytest.param(
        VideoConfig(
            ViTConfig(image_size=21, patch_size=7, channels=1, width=30, depth=2, heads=3, hidden=50), frames=10
        ),
        id="odd",
    ),
    pytest.param(
        VideoConfig(ViTConfig(image_size=16, width=20, depth=3, heads=5, hidden=36), frames=9, tubelet=3), id="depth3"
    ),
    pytest.param(
        VideoConfig(ViTConfig(image_size=8, patch_size=8, width=12, depth=1, heads=1, hidden=12), frames=1, tubelet=1),
        id="one-patch-one-frame",
    ),
]
PARTS = {
    "norm_time": "temporal_layernorm",
    "time.query_key_value": "temporal_attention.attention.qkv",
    "time.output": "temporal_attention.output.dense",
    "time_output": "temporal_dense",
    "norm_space": "layernorm_before",
    "space.query_key_value": "attention.attention.qkv",
    "space.output": "attention.output.dense",
    "norm_out": "layernorm_after",
    "feed_forward.expand": "intermediate.dense",
    "feed_forward.contract": "output.dense",
}


def stacked(config: VideoConfig) -> ViTConfig:
    """A TimeSformer has no tubelets, but one that is given their frames as channels of one frame is the same."""
    return replace(config.frame, channels=config.frame.channels * config.tubelet)


def to_transformers(ours: Tensors, config: VideoConfig) -> dict[str, torch.Tensor]:
    theirs = {
        "embeddings.cls_token": ours["class_token"][None, None],
        "embeddings.position_embeddings": ours["positions"][None],
        "embeddings.time_embeddings": ours["times"][None],
        "embeddings.patch_embeddings.projection.weight": patches_as_convolution(
            ours["patch_embedding.project.weight"], stacked(config)
        ),
        "embeddings.patch_embeddings.projection.bias": ours["patch_embedding.project.bias"],
    }
    for kind in ("weight", "bias"):
        theirs[f"layernorm.{kind}"] = ours[f"norm_out.{kind}"]
        for layer in range(config.frame.depth):
            for name, their_name in PARTS.items():
                theirs[f"encoder.layer.{layer}.{their_name}.{kind}"] = ours[f"blocks.{layer}.{name}.{kind}"]
    return theirs


def transformers_video(model: VideoTransformer) -> torch.nn.Module:
    """transformers' TimesformerModel with the shape, dtype and weights of `model`."""
    from transformers import TimesformerConfig, TimesformerModel

    frame = stacked(model.config)
    theirs = TimesformerModel(
        TimesformerConfig(
            image_size=frame.image_size,
            patch_size=frame.patch_size,
            num_channels=frame.channels,
            num_frames=model.config.times,
            attention_type="divided_space_time",
            hidden_act="gelu",
            layer_norm_eps=model.norm_out.eps,
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
            **sizes(frame),
        )
    )
    weights = parameters(model)
    return load(theirs.to(weights["class_token"].dtype), to_transformers(weights, model.config))


def as_channels(videos: torch.Tensor, config: VideoConfig) -> torch.Tensor:
    return videos.unflatten(1, (config.times, config.tubelet)).flatten(2, 3)


def in_our_order(tokens: torch.Tensor, config: VideoConfig) -> torch.Tensor:
    """Theirs hold the times of one patch side by side, ours the patches of one time."""
    patches = tokens[:, 1:].unflatten(1, (config.frame.patches, config.times)).transpose(1, 2).flatten(1, 2)
    return torch.cat([tokens[:, :1], patches], dim=1)


def both(config: VideoConfig, dtype: torch.dtype, batch: int = 3):
    torch.manual_seed(0)
    ours = disturb(VideoTransformer(config).to(dtype))
    frame = config.frame
    videos = torch.rand(batch, config.frames, frame.channels, frame.image_size, frame.image_size, dtype=dtype) * 2 - 1
    return ours, transformers_video(ours), videos


def assert_close(ours: dict, theirs: dict, tolerance: float):
    assert ours.keys() == theirs.keys()
    for name, value in theirs.items():
        torch.testing.assert_close(
            ours[name], value, rtol=tolerance, atol=tolerance, msg=lambda text, name=name: f"{name}: {text}"
        )


@pytest.mark.parametrize(("dtype", "tolerance"), PRECISIONS)
@pytest.mark.parametrize("config", VIDEOS)
def test_the_video_transformer_and_its_gradients_are_those_of_transformers(config, dtype, tolerance):
    ours, theirs, videos = both(config, dtype)
    direction = torch.randn(3, 1 + config.times * config.frame.patches, config.frame.width, dtype=dtype)

    our_videos, their_videos = videos.clone().requires_grad_(), videos.clone().requires_grad_()
    our_tokens = ours(our_videos)
    their_tokens = in_our_order(theirs(as_channels(their_videos, config)).last_hidden_state, config)
    (our_tokens * direction).mean().backward()
    (their_tokens * direction).mean().backward()

    assert_close(
        {"tokens": our_tokens, "videos": our_videos.grad},
        {"tokens": their_tokens, "videos": their_videos.grad},
        tolerance,
    )
    assert_close(to_transformers(gradients(ours), config), gradients(theirs), tolerance)


def test_a_gradient_reaches_every_parameter():
    ours, _, videos = both(VIDEOS[0].values[0], torch.float64)
    tokens = ours(videos)
    (tokens * torch.randn_like(tokens)).sum().backward()
    assert [name for name, gradient in gradients(ours).items() if not gradient.abs().max() > 1e-9] == []
    assert gradients(ours).keys() == parameters(ours).keys()


def test_one_weight_off_by_a_thousandth_is_noticed():
    ours, theirs, videos = both(VIDEOS[0].values[0], torch.float64)
    config = ours.config
    direction = torch.randn(3, 1 + config.times * config.frame.patches, config.frame.width, dtype=torch.float64)
    (ours(videos) * direction).sum().backward()
    unnoticed = []
    with torch.no_grad():
        expected = in_our_order(theirs(as_channels(videos, ours.config)).last_hidden_state, config)
        for name, parameter in ours.named_parameters():
            kept = parameter.clone()
            parameter.view(-1)[parameter.grad.abs().argmax()] += 1e-3
            if not (ours(videos) - expected).abs().max() > 1e-6:
                unnoticed.append(name)
            parameter.copy_(kept)
    assert unnoticed == []


def test_the_order_of_the_frames_is_noticed():
    ours, theirs, videos = both(VIDEOS[0].values[0], torch.float64)
    with torch.no_grad():
        expected = in_our_order(theirs(as_channels(videos, ours.config)).last_hidden_state, ours.config)
        assert not torch.allclose(ours(videos.flip(1)), expected, atol=1e-4)
        ours.times.copy_(ours.times.flip(0))
        assert not torch.allclose(ours(videos), expected, atol=1e-4)


def test_transformers_would_refuse_weights_of_another_length():
    ours = VideoTransformer(VIDEOS[0].values[0])
    longer = VideoTransformer(replace(VIDEOS[0].values[0], frames=6))
    with pytest.raises(RuntimeError, match="size mismatch"):
        load(transformers_video(ours), to_transformers(parameters(longer), longer.config))
