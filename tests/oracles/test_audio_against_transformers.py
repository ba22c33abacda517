"""Our log-mel spectrogram and audio encoder compute what Whisper's do: outputs, and every gradient."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from weights import Tensors, blocks, disturb, gradients, load, parameters

from utils.models.audio import WHISPER, AudioConfig, AudioEncoder, MelConfig, log_mel, mel_filters, mel_power

PRECISIONS = [  # transformers' eager attention takes its softmax in float32 whatever the model is, so not in fp64
    pytest.param(torch.float32, 1e-5, "eager", id="fp32-eager"),
    pytest.param(torch.float32, 1e-5, "sdpa", id="fp32-sdpa"),
    pytest.param(torch.float64, 1e-10, "sdpa", id="fp64-sdpa"),
]
CONFIGS = [
    pytest.param(AudioConfig(mels=10, frames=12, width=24, depth=1, heads=2, hidden=40), id="depth1"),
    pytest.param(AudioConfig(mels=7, frames=34, width=30, depth=3, heads=5, hidden=50), id="odd"),
    pytest.param(AudioConfig(mels=80, frames=60, width=16, depth=2, heads=1, hidden=64), id="whispers-bands"),
]
WHISPER_BLOCK = {
    "attention": "self_attn",
    "output": "out_proj",
    "norm_1": "self_attn_layer_norm",
    "norm_2": "final_layer_norm",
}


def encoder_to_transformers(ours: Tensors, config: AudioConfig) -> dict[str, Tensor]:
    """Our weights (or gradients) under Whisper's names.

    Whisper has no bias on its keys, since it adds the same to all scores of a query: ours is left out.
    """
    theirs = {}
    for name, tensor in blocks(ours, "", config.depth, WHISPER_BLOCK, "layers").items():
        if not name.endswith("k_proj.bias"):
            theirs[name.replace("mlp.", "")] = tensor
    for kind in ("weight", "bias"):
        theirs[f"conv1.{kind}"] = ours[f"conv_1.{kind}"]
        theirs[f"conv2.{kind}"] = ours[f"conv_2.{kind}"]
        theirs[f"layer_norm.{kind}"] = ours[f"norm_out.{kind}"]
    return theirs


def transformers_encoder(model: AudioEncoder, attention: str) -> nn.Module:
    """Whisper's encoder with the shape, dtype and weights of `model`; its positions are its own."""
    from transformers import WhisperConfig
    from transformers.models.whisper.modeling_whisper import WhisperEncoder

    config = model.config
    theirs = WhisperEncoder(
        WhisperConfig(
            num_mel_bins=config.mels,
            max_source_positions=config.frames // 2,
            d_model=config.width,
            encoder_layers=config.depth,
            encoder_attention_heads=config.heads,
            encoder_ffn_dim=config.hidden,
            dropout=0.0,
            attn_implementation=attention,
        )
    )
    weights = parameters(model)
    theirs = theirs.to(weights["norm_out.weight"].dtype)
    return load(theirs, {**encoder_to_transformers(weights, config), "embed_positions.weight": model.positions})


def spectrograms(config: AudioConfig, dtype: torch.dtype, number: int = 3) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(number, config.mels, config.frames, generator=generator, dtype=torch.float64).to(dtype)


@pytest.mark.parametrize(("dtype", "tolerance", "attention"), PRECISIONS)
@pytest.mark.parametrize("config", CONFIGS)
def test_the_encoder_and_its_gradients_are_those_of_whisper(config, dtype, tolerance, attention):
    torch.manual_seed(0)
    ours = disturb(AudioEncoder(config).to(dtype))
    theirs = transformers_encoder(ours, attention)
    our_mel, their_mel = (spectrograms(config, dtype).requires_grad_() for _ in range(2))
    direction = torch.randn(3, config.frames // 2, config.width, dtype=dtype)  # a gradient that differs everywhere
    our_output, their_output = ours(our_mel), theirs(their_mel).last_hidden_state
    (our_output * direction).mean().backward()
    (their_output * direction).mean().backward()

    def same(ours: Tensor, theirs: Tensor, name: str):
        torch.testing.assert_close(ours, theirs, rtol=tolerance, atol=tolerance, msg=lambda text: f"{name}: {text}")

    same(our_output, their_output, "output")
    same(our_mel.grad, their_mel.grad, "gradient of the spectrogram")
    our_gradients = encoder_to_transformers(gradients(ours), config)
    their_gradients = gradients(theirs)
    assert our_gradients.keys() == their_gradients.keys()
    for name, gradient in their_gradients.items():
        assert gradient.abs().max() > 1e-7, f"{name}: a comparison of zeros says nothing"
        same(our_gradients[name], gradient, name)


def test_the_bias_on_keys_which_whisper_leaves_out_changes_nothing():
    config = CONFIGS[0].values[0]
    model = disturb(AudioEncoder(config).double())
    before = model(spectrograms(config, torch.float64))
    with torch.no_grad():
        model.blocks[0].attention.query_key_value.bias[config.width : 2 * config.width] += 3
    torch.testing.assert_close(model(spectrograms(config, torch.float64)), before, rtol=1e-10, atol=1e-10)


def test_the_positions_are_those_of_whisper():
    from transformers.models.whisper.modeling_whisper import sinusoids

    config = AudioConfig()
    torch.testing.assert_close(AudioEncoder(config).positions, sinusoids(config.frames // 2, config.width))


@pytest.mark.parametrize("config", CONFIGS[:1])
def test_one_weight_off_by_a_thousandth_is_noticed(config):
    torch.manual_seed(0)
    ours = disturb(AudioEncoder(config).double())
    theirs = transformers_encoder(ours, "sdpa")
    mel = spectrograms(config, torch.float64)
    ours(mel).square().mean().backward()
    with torch.no_grad():
        expected = theirs(mel).last_hidden_state
        for name, parameter in ours.named_parameters():
            kept = parameter.clone()
            parameter.view(-1)[parameter.grad.abs().argmax()] += 1e-3
            assert (ours(mel) - expected).abs().max() > 1e-6, name
            parameter.copy_(kept)


def sounds(seconds: float, rate: int) -> list[np.ndarray]:
    """Noise that fades, two tones, a click, and silence."""
    time = np.arange(int(seconds * rate)) / rate
    noise = np.random.default_rng(0).standard_normal(len(time)) * np.exp(-3 * time)
    tones = 0.3 * np.sin(2 * np.pi * 440 * time) + 0.01 * np.sin(2 * np.pi * 3100 * time)
    click = (time == time[len(time) // 2]).astype(float)
    return [0.1 * noise, tones, click, np.zeros_like(time)]


@pytest.mark.filterwarnings("ignore:At least one mel filter has all zero values")  # theirs, replaced below
@pytest.mark.parametrize(
    "config", [WHISPER, MelConfig(sample_rate=16_000, window=512, hop=128, mels=128), MelConfig()], ids=str
)
def test_log_mel_is_that_of_whisper(config):
    from transformers import WhisperFeatureExtractor

    theirs = WhisperFeatureExtractor(
        feature_size=config.mels,
        sampling_rate=config.sample_rate,
        hop_length=config.hop,
        n_fft=config.window,
        chunk_length=1,
    )
    if config.sample_rate != 16_000:  # their filters stop at 8 kHz whatever the rate
        theirs.mel_filters = mel_filters(config).T.numpy()
    waveforms = sounds(1.0, config.sample_rate)
    expected = theirs(waveforms, sampling_rate=config.sample_rate, return_tensors="pt").input_features
    ours = log_mel(torch.tensor(np.stack(waveforms), dtype=torch.float32), config)
    torch.testing.assert_close(ours, expected, rtol=1e-5, atol=1e-5)


def test_the_power_in_each_band_is_that_of_transformers_in_fp64():
    from transformers.audio_utils import spectrogram, window_function

    for waveform in sounds(1.0, 16_000):
        expected = spectrogram(
            waveform,
            window_function(WHISPER.window, "hann"),
            WHISPER.window,
            WHISPER.hop,
            power=2.0,
            mel_filters=mel_filters(WHISPER).T.numpy(),
            dtype=np.float64,
        )[:, :-1]
        # transformers keeps spectra as complex64, which is what the tolerance allows for
        ours = mel_power(torch.tensor(waveform), WHISPER)
        torch.testing.assert_close(ours, torch.tensor(expected), rtol=1e-5, atol=1e-10)


@pytest.mark.parametrize(("rate", "window", "mels"), [(16_000, 400, 80), (16_000, 512, 128), (8000, 256, 40)])
def test_the_filters_are_those_of_transformers(rate, window, mels):
    from transformers.audio_utils import mel_filter_bank

    theirs = mel_filter_bank(window // 2 + 1, mels, 0.0, rate / 2, rate, norm="slaney", mel_scale="slaney")
    ours = mel_filters(MelConfig(sample_rate=rate, window=window, hop=80, mels=mels))
    torch.testing.assert_close(ours, torch.tensor(theirs).T, rtol=1e-10, atol=1e-12)
