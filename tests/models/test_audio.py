"""The log-mel spectrogram and the audio encoder."""

from __future__ import annotations

import math

import pytest
import torch

from utils.models.audio import (
    WHISPER,
    AudioClassifier,
    AudioConfig,
    AudioEncoder,
    MelConfig,
    WaveformClassifier,
    WaveformClassifierConfig,
    griffin_lim,
    log_mel,
    mel_filters,
    mel_power,
    sinusoids,
    to_hertz,
    to_mel,
)
from utils.models.blocks import count_parameters
from utils.training.loop import overfit
from utils.world.speech import spoken_words

TINY = AudioConfig(mels=10, frames=20, width=16, depth=2, heads=2, hidden=32)


def tone(hertz: float, samples: int = 8000, rate: int = 8000) -> torch.Tensor:
    return 0.5 * torch.sin(2 * math.pi * hertz * torch.arange(samples, dtype=torch.float64) / rate)


# --- mel


def test_a_thousand_hertz_are_fifteen_mel_and_the_way_back_is_the_way_back():
    hertz = torch.tensor([0.0, 100, 999, 1000, 1001, 6400, 8000], dtype=torch.float64)
    assert to_mel(hertz)[3] == 15
    assert to_mel(hertz)[5] == pytest.approx(42)
    torch.testing.assert_close(to_hertz(to_mel(hertz)), hertz)


@pytest.mark.parametrize("config", [MelConfig(), WHISPER], ids=str)
def test_the_filters_are_triangles_of_equal_area_side_by_side(config):
    filters = mel_filters(config)
    assert filters.shape == (config.mels, config.window // 2 + 1)
    assert (filters >= 0).all()
    assert (filters.amax(1) > 0).all(), "a band takes in nothing: too many bands for this window"
    assert (filters.argmax(1).diff() >= 0).all()
    wide = filters[-20:].sum(1) * config.sample_rate / config.window  # narrow ones have too few bins for an area
    torch.testing.assert_close(wide, torch.ones_like(wide), rtol=0.1, atol=0)


@pytest.mark.parametrize("hertz", [200, 500, 1000, 2500])
def test_a_tone_is_loudest_in_the_band_of_its_pitch(hertz):
    band = mel_power(tone(hertz)).mean(1).argmax()
    middle = to_hertz(torch.linspace(0, to_mel(torch.tensor([4000.0])).item(), 42, dtype=torch.float64))[1:-1]
    assert abs(band - (middle - hertz).abs().argmin()) <= 1


@pytest.mark.parametrize("config", [MelConfig(), MelConfig(window=50, hop=20, mels=5)], ids=str)
def test_a_column_is_the_power_of_a_windowed_fourier_transform_in_fp64(config):
    waveform = torch.randn(2000, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for column in (5, 12):
        n = torch.arange(config.window, dtype=torch.float64)
        window = 0.5 - 0.5 * torch.cos(2 * math.pi * n / config.window)
        piece = waveform[column * config.hop - config.window // 2 :][: config.window] * window
        k = torch.arange(config.window // 2 + 1, dtype=torch.float64).unsqueeze(1)
        angle = 2 * math.pi * k * n / config.window
        power = (piece * angle.cos()).sum(1).square() + (piece * angle.sin()).sum(1).square()
        expected = mel_filters(config) @ power
        torch.testing.assert_close(mel_power(waveform, config)[:, column], expected, rtol=1e-10, atol=1e-10)


def test_there_is_a_column_for_every_hop_whatever_comes_before_in_the_shape():
    waveforms = torch.randn(2, 3, 6400)
    mel = log_mel(waveforms)
    assert mel.shape == (2, 3, 40, 80)
    torch.testing.assert_close(mel[1, 2], log_mel(waveforms[1, 2]))


def test_ten_times_louder_is_half_a_unit_more_and_silence_is_finite():
    quiet = torch.randn(4000, generator=torch.Generator().manual_seed(0)) * 0.01
    torch.testing.assert_close(log_mel(10 * quiet), log_mel(quiet) + 0.5)
    assert torch.equal(log_mel(torch.zeros(4000)), torch.full((40, 50), -1.5))


def test_what_is_80_decibels_below_the_loudest_is_cut_off():
    mel = log_mel(torch.cat([tone(500), torch.zeros(8000, dtype=torch.float64)]))
    assert mel.min() == pytest.approx(mel.max().item() - 2)


def test_a_waveform_too_short_for_a_column_is_refused():
    assert log_mel(torch.randn(129)).shape == (40, 1)
    with pytest.raises(ValueError, match="at least 129 samples, not 128; pad it"):
        log_mel(torch.zeros(128))


# --- and back


def test_a_spectrogram_is_heard_again_as_what_it_was_made_of():
    words = spoken_words("held_out", ["red", "triangle"]).waveforms[:6].view(3, 2, -1)
    mel = log_mel(words)
    heard = griffin_lim(mel)
    assert heard.shape == words.shape
    assert (log_mel(heard) - mel).abs().mean() < 0.03
    assert (log_mel(griffin_lim(mel, iterations=0)) - mel).abs().mean() > 0.04


@pytest.mark.parametrize("hertz", [300, 1000])
def test_a_tone_comes_back_with_its_pitch_and_loudness(hertz):
    heard = griffin_lim(log_mel(tone(hertz)))
    spectrum = torch.fft.rfft(heard[1000:-1000])
    assert spectrum.abs().argmax().item() * 8000 / 6000 == pytest.approx(hertz, rel=0.05)
    assert heard.std() == pytest.approx(tone(hertz).std().item(), rel=0.2)


def test_griffin_lim_is_the_same_for_a_seed():
    mel = log_mel(tone(500, samples=2000).float())
    first, again, other = (griffin_lim(mel, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


# --- encoder


@pytest.mark.parametrize(("frames", "positions"), [(20, 10), (19, 10), (1, 1)])
def test_the_encoder_gives_a_vector_for_every_second_column(frames, positions):
    assert AudioEncoder(TINY)(torch.randn(3, 10, frames)).shape == (3, positions, 16)


@pytest.mark.parametrize("shape", [(3, 10, 21), (3, 9, 20), (10, 20), (3, 10, 0)])
def test_the_encoder_says_which_spectrograms_it_takes(shape):
    with pytest.raises(ValueError, match=r"\[batch, 10, frames\], at most 20 frames long, not"):
        AudioEncoder(TINY)(torch.randn(shape))


def test_positions_are_not_trained_and_not_stored():
    encoder = AudioEncoder(TINY)
    assert "positions" not in encoder.state_dict()
    assert encoder.positions.shape == (10, 16)
    assert count_parameters(encoder) == sum(tensor.numel() for tensor in encoder.state_dict().values())


def test_sinusoids_turn_once_a_radian_in_front_and_once_in_ten_thousand_behind():
    table = sinusoids(8, 6)
    position = torch.arange(8)
    torch.testing.assert_close(table[:, 0], position.sin())
    torch.testing.assert_close(table[:, 5], (position / 10_000).cos())
    with pytest.raises(ValueError, match="even and at least 4"):
        sinusoids(8, 5)


def test_the_encoder_knows_what_comes_when():
    encoder = AudioEncoder(TINY)
    mel = torch.randn(1, 10, 20)
    assert not torch.allclose(encoder(mel).mean(1), encoder(mel.flip(2)).mean(1), atol=1e-3)


def test_a_classifier_learns_a_batch_by_heart():
    torch.manual_seed(0)
    model = AudioClassifier(TINY, classes=4)
    mel, labels = torch.randn(16, 10, 20), torch.arange(16) % 4
    history = overfit(model, (mel, labels), lambda model, x, y: torch.nn.functional.cross_entropy(model(x), y))
    assert history.losses[0] > 1
    assert history.losses[-1] < 0.15


# --- from waveform to classes


def test_a_classifier_of_waveforms_is_a_classifier_of_their_spectrograms():
    mel = MelConfig(hop=160, mels=10)
    model = WaveformClassifier(WaveformClassifierConfig(mel, TINY, ("yes", "no", "stop"))).eval()
    waveforms = torch.rand(2, 3200) - 0.5
    assert model(waveforms).shape == (2, 3)
    torch.testing.assert_close(model(waveforms), model.classifier(log_mel(waveforms, mel)))


def test_bands_that_the_encoder_does_not_take_are_refused():
    with pytest.raises(ValueError, match="mel has 40 bands and encoder takes 10"):
        WaveformClassifierConfig(MelConfig(), TINY, ("yes", "no"))
