import hashlib
import json
import shutil

import numpy as np
import pytest
import torch
from hypothesis import given
from world_strategies import sampled, some_examples

from utils.world import UnknownWordError, describe, sample_scenes
from utils.world.faces import EMOTIONS
from utils.world.make_speech import PHRASES, TIMBRES, WORDS, espeak_version, main, make_archive, make_voices, say
from utils.world.scenes import MOTIONS
from utils.world.speech import (
    PAUSE,
    SAMPLE_RATE,
    SPEECH,
    WORD_SECONDS,
    SpeechArchiveError,
    Utterance,
    compress_loudness,
    expand_loudness,
    load_clips,
    perturb,
    render_speech,
    spoken_emotions,
    spoken_words,
)
from utils.world.tokenizer import split_words

with_espeak = pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="makes clips anew: needs espeak-ng")


def audible(waveforms):
    return waveforms.abs().amax(-1) > 0.05


# --- what is stored


def test_the_archives_are_small():
    assert sum(path.stat().st_size for path in SPEECH.iterdir()) < 5_000_000


@pytest.mark.parametrize("name", ["words", "emotions"])
def test_the_clips_are_those_that_the_script_makes(name):
    clips = load_clips(name)
    assert list(clips.voices) == make_voices()
    spoken = [(said.text, said.emotion) for said in clips.utterances]
    words = [(word, "neutral") for word in WORDS]
    assert spoken == (words if name == "words" else [(phrase, emotion) for phrase in PHRASES for emotion in EMOTIONS])


def test_every_word_of_captions_actions_and_numbers_has_a_clip():
    scenes = sample_scenes(3000, seed=0, objects=(1, 4), grid=3)
    needed = {word for scene in scenes for word in split_words(describe(scene))} | {"nothing", "is"}
    needed |= {word for motion in MOTIONS for word in motion.split()}
    assert needed <= {said.text for said in load_clips("words").utterances}


def test_voices_never_heard_differ_from_heard_ones_in_timbre_not_only_in_pitch():
    assert not set(TIMBRES["seen"]) & set(TIMBRES["held_out"])
    clips = load_clips("words")
    assert len(clips.voices_of("seen")) == 24
    assert len(clips.voices_of("held_out")) == 12
    accents = {
        split: {clips.voices[i].name.partition("+")[0] for i in clips.voices_of(split)}
        for split in ("seen", "held_out")
    }
    assert accents["held_out"] <= accents["seen"], "an accent never heard would be another question"


def test_pitch_speed_and_accent_do_not_tell_the_split():
    voices = make_voices()
    for name in ("pitch", "speed"):
        means = {
            split: np.mean([getattr(voice, name) for voice in voices if voice.split == split])
            for split in ("seen", "held_out")
        }
        assert abs(means["seen"] - means["held_out"]) < 5


def test_every_clip_sounds_and_fits_where_it_is_put():
    clips = load_clips("words")
    assert int(clips.lengths.max()) <= WORD_SECONDS * SAMPLE_RATE
    assert int(clips.lengths.min()) > 0.05 * SAMPLE_RATE
    assert audible(clips.padded(clips.voices_of("all"), 6400)).all()
    assert clips.samples.abs().max() <= 1


def test_coding_keeps_a_sample_to_within_22_decibels_and_silence_silent():
    time = np.arange(20_000) / SAMPLE_RATE
    samples = 0.3 * np.sin(2 * np.pi * 200 * time) * np.sin(2 * np.pi * time) + 0.05 * np.sin(2 * np.pi * 1700 * time)
    back = expand_loudness(compress_loudness(samples))
    assert 10 * np.log10(np.square(samples).mean() / np.square(samples - back).mean()) > 22
    assert expand_loudness(compress_loudness(np.zeros(3))).tolist() == [0, 0, 0]
    assert np.array_equal(expand_loudness(compress_loudness(np.array([-1.0, 1.0]))), [-1, 1])


# --- archives that are not as they should be


@pytest.fixture
def archive(tmp_path):
    for suffix in ("bin", "json"):
        shutil.copy(SPEECH / f"emotions.{suffix}", tmp_path)
    return tmp_path


def test_an_untouched_copy_is_read(archive):
    assert torch.equal(load_clips("emotions", archive).samples, load_clips("emotions").samples)


@pytest.mark.parametrize("suffix", ["bin", "json"])
def test_a_missing_archive_says_how_to_restore_it(archive, suffix):
    (archive / f"emotions.{suffix}").unlink()
    with pytest.raises(SpeechArchiveError, match=rf"emotions.{suffix} is missing: restore .*git checkout.*make_speech"):
        load_clips("emotions", archive)


@pytest.mark.parametrize("harm", [lambda data: data[:1000], lambda data: b"", lambda data: data[:-1] + b"x"])
def test_an_archive_cut_short_or_altered_says_how_to_restore_it(archive, harm):
    path = archive / "emotions.bin"
    path.write_bytes(harm(path.read_bytes()))
    with pytest.raises(SpeechArchiveError, match=r"emotions.bin is cut short or altered.*restore"):
        load_clips("emotions", archive)


@pytest.mark.parametrize(
    "harm",
    [
        lambda manifest: "{",
        lambda manifest: "[]",
        lambda manifest: json.dumps({**manifest, "voices": [{"name": "x"}]}),
        lambda manifest: json.dumps({key: value for key, value in manifest.items() if key != "sha256"}),
        lambda manifest: json.dumps({**manifest, "lengths": manifest["lengths"][:-1]}),
    ],
)
def test_a_manifest_that_cannot_be_read_says_how_to_restore_it(archive, harm):
    path = archive / "emotions.json"
    path.write_text(harm(json.loads(path.read_text())))
    with pytest.raises(SpeechArchiveError, match=r"emotions.json cannot be read.*restore"):
        load_clips("emotions", archive)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda manifest: {"sample_rate": 16_000}, "16000 samples a second of 49 levels"),
        (lambda manifest: {"lengths": [n - 1 for n in manifest["lengths"]]}, "not the manifest of"),
    ],
)
def test_a_manifest_of_another_archive_says_how_to_restore_it(archive, change, message):
    path = archive / "emotions.json"
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps({**manifest, **change(manifest)}))
    with pytest.raises(SpeechArchiveError, match=f"{message}.*restore"):
        load_clips("emotions", archive)


# --- making them anew


def test_without_espeak_making_clips_says_how_to_install_it_and_the_shipped_ones_still_serve(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(FileNotFoundError, match=r"apt-get install espeak-ng.*the clips come with it"):
        main()
    load_clips.cache_clear()
    assert audible(spoken_words(words=["red"]).waveforms).all()


@with_espeak
def test_the_script_makes_an_archive_that_can_be_read(tmp_path):
    said = [Utterance("red", "neutral"), Utterance("no", "angry")]
    make_archive("two", said, make_voices()[:2], tmp_path)
    clips = load_clips("two", tmp_path)
    assert clips.utterances == tuple(said)
    assert audible(clips.padded([0, 1], 8000)).all()
    data = (tmp_path / "two.bin").read_bytes()
    assert json.loads((tmp_path / "two.json").read_text())["sha256"] == hashlib.sha256(data).hexdigest()


@with_espeak
def test_the_stored_clips_are_what_the_same_espeak_says():
    if json.loads((SPEECH / "words.json").read_text())["synthesizer"] != f"espeak-ng {espeak_version()}":
        pytest.skip("another version of espeak-ng made the clips")
    clips = load_clips("words")
    for voice, word in ((0, 3), (20, 40), (35, 12)):
        stored, made = clips.clip(voice, word), say(clips.voices[voice], clips.utterances[word])
        assert len(stored) == len(made)
        assert np.corrcoef(stored, made)[0, 1] > 0.98


# --- words and emotions


def test_words_come_in_every_voice_of_the_split_with_their_labels():
    said = spoken_words("held_out", ["red", "blue"])
    assert said.waveforms.shape == (24, WORD_SECONDS * SAMPLE_RATE)
    assert said.labels.tolist() == [0, 1] * 12
    assert len(set(said.voices)) == 12
    assert not set(said.voices) & set(spoken_words("seen", ["red"]).voices)
    clips = load_clips("words")
    voice = [clip.name for clip in clips.voices].index(said.voices[3])
    blue = clips.clip(voice, WORDS.index("blue"))
    assert torch.equal(said.waveforms[3, : len(blue)], blue)
    assert spoken_words().words == tuple(WORDS)


def test_emotions_are_heard_in_loudness_length_and_pitch_and_each_phrase_has_all():
    said = spoken_emotions("all")
    assert len(said.labels) == 36 * 3 * 5
    assert set(zip(said.phrases, said.labels.tolist(), strict=True)) == {(p, e) for p in PHRASES for e in range(5)}
    power = said.waveforms.square().sum(1)
    length = (said.waveforms.abs() > 1e-3).sum(1).float()
    mean = {name: (power[said.labels == i].mean(), length[said.labels == i].mean()) for i, name in enumerate(EMOTIONS)}
    assert mean["angry"][0] > mean["happy"][0] > mean["neutral"][0] > mean["sad"][0]
    assert mean["sad"][1] > mean["neutral"][1] > mean["surprised"][1]


def test_a_split_or_a_word_that_is_not_there_is_named():
    with pytest.raises(ValueError, match=r'"seen", "held_out", "all" or names of voices, not \'new\''):
        spoken_words("new")
    with pytest.raises(UnknownWordError, match=r"no clip of 'mauve'; the words that can be spoken are circle"):
        spoken_words(words=["red", "mauve"])


# --- captions


@some_examples
@given(sampled())
def test_a_spoken_caption_is_its_words_in_order_with_short_pauses(scenes):
    speech = render_speech(scenes, seed=3)
    clips = load_clips("words")
    names = [voice.name for voice in clips.voices]
    for row, scene in enumerate(scenes):
        words = split_words(describe(scene))
        spoken = [clips.clip(names.index(speech.voices[row]), WORDS.index(word)) for word in words]
        pause = int(speech.lengths[row]) - sum(map(len, spoken))
        assert PAUSE[0] * SAMPLE_RATE - 1 <= pause / max(1, len(words) - 1) <= PAUSE[1] * SAMPLE_RATE or len(words) == 1
        waveform = speech.waveforms[row]
        assert torch.equal(waveform[: len(spoken[0])], spoken[0])
        end = int(speech.lengths[row])
        assert torch.equal(waveform[end - len(spoken[-1]) : end], spoken[-1])
        assert waveform[end:].abs().sum() == 0


def test_speech_is_the_same_for_a_seed_and_another_for_another():
    scenes = sample_scenes(16, seed=0)
    first, again, other = (render_speech(scenes, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(first.waveforms, again.waveforms)
    assert first.voices == again.voices
    assert first.voices != other.voices


def test_captions_are_spoken_in_the_voices_asked_for():
    held_out = {voice.name for voice in make_voices() if voice.split == "held_out"}
    scenes = sample_scenes(200, seed=0)
    assert set(render_speech(scenes, voices="held_out").voices) == held_out
    assert not set(render_speech(scenes).voices) & held_out
    one = next(iter(held_out))
    assert set(render_speech(["red", "blue"], voices=[one]).voices) == {one}


def test_a_single_text_is_one_caption():
    assert len(render_speech("a small red circle").waveforms) == 1


@pytest.mark.parametrize("caption", ["", "...", " "])
def test_a_caption_without_words_is_refused(caption):
    with pytest.raises(ValueError, match="caption without words cannot be spoken"):
        render_speech(["a red circle", caption])


def test_a_caption_with_words_that_have_no_clip_names_them():
    with pytest.raises(UnknownWordError, match="no clip of 'mauve', 'dog'"):
        render_speech("a mauve dog and a mauve star")


@pytest.mark.parametrize("voices", [["nobody"], []])
def test_a_voice_that_is_not_there_is_named(voices):
    with pytest.raises(ValueError, match=r"no voice is called .*; the voices are en-gb\+m1"):
        render_speech("red", voices=voices)


# --- perturbed clips


def test_perturbed_clips_are_the_same_for_a_seed_keep_their_shape_and_differ_from_one_another():
    clip = spoken_words(words=["purple"]).waveforms[:1].expand(8, -1)
    first, again = (perturb(clip, seed=5) for _ in range(2))
    assert torch.equal(first, again)
    assert first.shape == clip.shape
    assert (torch.pdist(first) > 0.5).all()


def test_a_faster_clip_has_a_higher_pitch_and_nothing_changed_changes_nothing():
    tone = torch.sin(2 * torch.pi * 440 * torch.arange(4000) / SAMPLE_RATE).expand(64, -1)
    assert torch.allclose(perturb(tone, seed=0, speed=0, delay=0, noise=0), tone, atol=1e-6)
    faster = perturb(tone, seed=0, speed=0.2, delay=0, noise=0)[:, :3200]
    peak = torch.fft.rfft(faster).abs().argmax(1) * SAMPLE_RATE / 3200
    assert 340 < peak.min() < 380
    assert 500 < peak.max() < 540
