import io
import struct
import wave

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.io import wavfile
from world_strategies import some_examples

from utils.world.recordings import MAX_SECONDS, load_recording
from utils.world.speech import SAMPLE_RATE


def tone(seconds: float = 0.5, rate: int = 8000, hertz: float = 440.0, loudness: float = 0.5) -> np.ndarray:
    return loudness * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)


def wav(samples: np.ndarray, rate: int = 8000) -> bytes:
    buffer = io.BytesIO()
    wavfile.write(buffer, rate, samples)
    return buffer.getvalue()


def wav_of_three_bytes(samples: np.ndarray, rate: int = 8000) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(3)
        file.setframerate(rate)
        file.writeframes(b"".join(struct.pack("<i", int(s * (2**23 - 1)))[:3] for s in samples))
    return buffer.getvalue()


def frequency(waveform: torch.Tensor) -> float:
    return torch.fft.rfft(waveform).abs().argmax().item() * SAMPLE_RATE / len(waveform)


@pytest.mark.parametrize(
    ("width", "data"),
    [
        ("8 bits", wav((tone() * 127 + 128).round().astype(np.uint8))),
        ("16 bits", wav((tone() * 32767).astype(np.int16))),
        ("24 bits", wav_of_three_bytes(tone())),
        ("32 bits", wav((tone() * (2**31 - 1)).astype(np.int32))),
        ("float", wav(tone().astype(np.float32))),
        ("double", wav(tone())),
    ],
)
def test_every_width_of_sample_gives_the_same_waveform(width, data):
    waveform = load_recording(data)
    assert waveform.dtype == torch.float32
    assert waveform.shape == (4000,)
    torch.testing.assert_close(waveform, torch.tensor(tone()).float(), atol=0.01, rtol=0)


@pytest.mark.parametrize("rate", [4000, 8000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000])
def test_another_rate_is_resampled_and_keeps_pitch_length_and_loudness(rate):
    waveform = load_recording(wav(tone(rate=rate).astype(np.float32), rate))
    assert len(waveform) == pytest.approx(4000, abs=2)
    assert frequency(waveform) == pytest.approx(440, abs=3)
    assert waveform[500:-500].abs().max() == pytest.approx(0.5, abs=0.02)


def test_what_is_too_high_for_the_rate_is_taken_out_and_does_not_come_back_as_another_tone():
    high = tone(rate=48_000, hertz=7000) + tone(rate=48_000, hertz=300, loudness=0.05)
    waveform = load_recording(wav(high.astype(np.float32), 48_000))
    assert frequency(waveform) == pytest.approx(300, abs=3)


@pytest.mark.parametrize("channels", [2, 3, 6])
def test_channels_are_averaged(channels):
    left_only = np.zeros((4000, channels))
    left_only[:, 0] = tone()
    waveform = load_recording(wav(left_only.astype(np.float32)))
    torch.testing.assert_close(waveform, torch.tensor(tone() / channels).float(), atol=1e-5, rtol=0)


def test_what_is_above_full_scale_is_scaled_down_and_what_is_quiet_stays_quiet():
    assert load_recording(wav(tone(loudness=5.0).astype(np.float32))).abs().max() == pytest.approx(1)
    assert load_recording(wav(tone(loudness=0.01).astype(np.float32))).abs().max() == pytest.approx(0.01, abs=1e-3)


def test_a_path_bytes_and_an_upload_give_the_same(tmp_path):
    data = wav(tone().astype(np.float32))
    path = tmp_path / "me.wav"
    path.write_bytes(data)
    for source in (path, str(path), bytearray(data), memoryview(data)):
        assert torch.equal(load_recording(source), load_recording(data))


# --- what cannot be used


def test_an_empty_file_is_named(tmp_path):
    path = tmp_path / "me.wav"
    path.touch()
    with pytest.raises(ValueError, match=r"me.wav is empty \(0 bytes\): record it again"):
        load_recording(path)


def test_a_path_that_leads_nowhere_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.wav"):
        load_recording(tmp_path / "nowhere.wav")


@pytest.mark.parametrize(
    "data",
    [b"hello", b"\x89PNG\r\n\x1a\n" + bytes(100), b"ID3\x03" + bytes(100), b"OggS" + bytes(100), b"RIFFxxxxAVI "],
)
def test_what_is_not_a_wav_file_is_refused_with_what_to_do(data):
    with pytest.raises(ValueError, match="is not a WAV file: export it as WAV"):
        load_recording(data)


def test_silence_is_refused_with_what_to_do():
    for level in (0, 1e-4):
        with pytest.raises(ValueError, match="is silent: check the microphone, and try again"):
            load_recording(wav(np.full(8000, level, np.float32)))


def test_channels_that_cancel_are_told_from_a_dead_microphone():
    opposite = np.stack([tone(), -tone()], axis=1).astype(np.float32)
    with pytest.raises(ValueError, match="is silent: its channels cancel each other out: record one channel"):
        load_recording(wav(opposite))


def test_too_long_and_too_short_are_refused_with_the_limits():
    assert len(load_recording(wav(tone(MAX_SECONDS).astype(np.float32)))) == MAX_SECONDS * SAMPLE_RATE
    with pytest.raises(ValueError, match="is 31 seconds long, and at most 30 are heard: cut it"):
        load_recording(wav(tone(31.0).astype(np.float32)))
    with pytest.raises(ValueError, match="is 10 ms long, too short for a sound, at least 50 ms"):
        load_recording(wav(tone(0.01).astype(np.float32)))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_are_refused(value):
    samples = tone().astype(np.float32)
    samples[100] = value
    with pytest.raises(ValueError, match=r"numbers that are not finite \(NaN or infinite\): export it"):
        load_recording(wav(samples))


def test_a_file_without_samples_is_refused():
    with pytest.raises(ValueError, match=r"the recording .*: export it as WAV"):
        load_recording(wav(np.zeros(0, np.int16)))


def test_a_header_without_its_samples_is_refused():
    data = wav((tone() * 32767).astype(np.int16))
    for kept in (12, 20, 40, 44):
        with pytest.raises(ValueError, match="export it as WAV"):
            load_recording(data[:kept])


GOOD = wav((tone(0.1) * 32767).astype(np.int16))


@some_examples
@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 255)), min_size=1, max_size=6),
    st.integers(44, len(GOOD)),
)
def test_any_damage_gives_a_waveform_or_a_clear_error(changes, length):
    data = bytearray(GOOD[:length])
    for position, value in changes:
        data[position % len(data)] = value
    message, waveform = "", torch.zeros(1)
    try:
        waveform = load_recording(bytes(data))
    except ValueError as error:
        message = str(error)
    assert not message or message.endswith(("try again", "record it again"))
    assert waveform.isfinite().all()
    assert waveform.abs().max() <= 1
