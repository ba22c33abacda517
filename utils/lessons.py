"""The course map as data: every lesson with its title, question, minutes and the concepts it makes runnable.

Exercise `2.3.1` is the first exercise of lesson `2.3`, which is notebook `3_...` in chapter `2_...`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COURSE, SOLUTIONS, ASSETS = ROOT / "course", ROOT / "solutions", ROOT / "assets"


@dataclass(frozen=True)
class Lesson:
    """One notebook: `id` as in exercise numbers, `path` without suffix below `course/` and `solutions/`."""

    id: str
    path: str
    title: str
    question: str
    minutes: int
    concepts: tuple[str, ...] = ()
    builds_on: tuple[str, ...] = ()

    @property
    def source(self) -> Path:
        """The one source, jupytext percent format."""
        return SOLUTIONS / f"{self.path}.py"

    @property
    def solution(self) -> Path:
        """The executed notebook with its solutions (generated)."""
        return SOLUTIONS / f"{self.path}.ipynb"

    @property
    def notebook(self) -> Path:
        """The learner's notebook (generated)."""
        return COURSE / f"{self.path}.ipynb"


LESSONS = (
    Lesson(
        id="0.1",
        path="0_start/1_start_here",
        title="Start here",
        question="Is this machine ready, and how does the course work?",
        minutes=15,
    ),
    Lesson(
        id="1.1",
        path="1_overview/1_what_is_a_modality",
        title="What is a modality?",
        question="What does a computer hold when it holds a picture, a sentence or a record of the same scene?",
        minutes=45,
        concepts=("A1.1", "A1.5"),
        builds_on=("0.1",),
    ),
    Lesson(
        id="1.2",
        path="1_overview/2_why_multimodal",
        title="Why multimodal?",
        question="What does a second modality tell that the first cannot, and what if the two do not fit together?",
        minutes=45,
        concepts=("A1.5", "A1.6", "A1.8"),
        builds_on=("1.1",),
    ),
    Lesson(
        id="1.3",
        path="1_overview/3_from_llm_to_mllm",
        title="From LLM to MLLM",
        question="What can a language model do, what can it not, and what changes when it sees?",
        minutes=65,
        concepts=("A1.2", "A1.3", "A1.4", "A1.7", "A4.19"),
        builds_on=("1.1",),
    ),
    Lesson(
        id="2.1",
        path="2_how_it_works/1_text_and_image_encoders",
        title="Text and image encoders",
        question="How do words and pixels become vectors that know their surroundings?",
        minutes=75,
        concepts=("A2.1", "A2.2", "A2.3"),
        builds_on=("1.1", "1.3"),
    ),
    Lesson(
        id="2.2",
        path="2_how_it_works/2_audio_video_and_3d_encoders",
        title="Audio, video and 3D encoders",
        question="What must an encoder keep of sound, of motion and of things in space?",
        minutes=75,
        concepts=("A2.4", "A2.5", "A2.6"),
        builds_on=("2.1",),
    ),
    Lesson(
        id="2.3",
        path="2_how_it_works/3_contrastive_alignment",
        title="Contrastive alignment",
        question="How can pictures and sentences learn to live in one space, from nothing but pairs?",
        minutes=75,
        concepts=("A2.10", "A2.11", "A3.1"),
        builds_on=("1.1",),
    ),
    Lesson(
        id="2.4",
        path="2_how_it_works/4_attention_and_fusion",
        title="Attention and fusion",
        question="How does a model look at a picture while it reads a question?",
        minutes=75,
        concepts=("A2.7", "A2.8", "A2.12"),
        builds_on=("2.1", "2.3"),
    ),
    Lesson(
        id="2.5",
        path="2_how_it_works/5_one_space_for_all",
        title="One space for all",
        question="Can a sound find its sentence if the two were never trained together?",
        minutes=60,
        concepts=("A2.9", "A2.11"),
        builds_on=("2.2", "2.3"),
    ),
    Lesson(
        id="2.6",
        path="2_how_it_works/6_finetuning_and_partial_lora",
        title="Fine-tuning and partial LoRA",
        question="How does a trained model learn something new without losing what it knew?",
        minutes=60,
        concepts=("A2.13", "A2.14"),
        builds_on=("2.1", "2.3"),
    ),
    Lesson(
        id="2.7",
        path="2_how_it_works/7_reasoning",
        title="Reasoning",
        question="When does thinking step by step help, and when does only looking help?",
        minutes=75,
        concepts=("A2.15", "A2.16", "A2.17"),
        builds_on=("1.3", "2.4"),
    ),
    Lesson(
        id="2.8",
        path="2_how_it_works/8_generation_and_dialogue",
        title="Generation and dialogue",
        question="How does a model describe a picture, draw a description, and talk about both?",
        minutes=75,
        concepts=("A2.18", "A2.19", "A2.20"),
        builds_on=("1.3", "2.4"),
    ),
    Lesson(
        id="2.9",
        path="2_how_it_works/9_spatial_reasoning",
        title="Spatial reasoning",
        question="Can a model that sees a flat picture say how to build the solid, and where each part goes?",
        minutes=60,
        concepts=("A2.21",),
        builds_on=("2.2", "2.4"),
    ),
    Lesson(
        id="3.1",
        path="3_architectures/1_dual_encoder",
        title="The dual encoder",
        question="Why does search rest on two towers that never talk, and what do they overlook?",
        minutes=60,
        concepts=("A3.1",),
        builds_on=("2.3", "2.4"),
    ),
    Lesson(
        id="3.2",
        path="3_architectures/2_fusion",
        title="Fusion",
        question="When should words and pictures meet: at once, at the end, or again and again?",
        minutes=75,
        concepts=("A3.2", "A3.3"),
        builds_on=("2.3", "2.4"),
    ),
    Lesson(
        id="3.3",
        path="3_architectures/3_llava",
        title="LLaVA",
        question="How does a language model learn to see in two stages, and what does each of them give?",
        minutes=80,
        concepts=("A3.2", "A3.7"),
        builds_on=("2.4", "2.8"),
    ),
    Lesson(
        id="3.4",
        path="3_architectures/4_flamingo",
        title="Flamingo",
        question="How does a language model learn to look, if not one of its weights may change?",
        minutes=70,
        concepts=("A3.4",),
        builds_on=("2.4", "2.7"),
    ),
    Lesson(
        id="3.5",
        path="3_architectures/5_mixture_of_experts",
        title="Mixture of experts",
        question="Can a model know more without computing more?",
        minutes=75,
        concepts=("A3.5",),
        builds_on=("2.1", "2.4"),
    ),
    Lesson(
        id="3.6",
        path="3_architectures/6_four_families_side_by_side",
        title="Four families side by side",
        question="Given one world, one budget and one exam, which family would you choose?",
        minutes=60,
        concepts=("A3.6", "A3.12"),
        builds_on=("3.1", "3.3", "3.4", "3.5"),
    ),
    Lesson(
        id="3.7",
        path="3_architectures/7_pretraining_and_instruction_tuning",
        title="Pretraining and instruction tuning",
        question="What do the two stages of training teach, and where do instructions come from?",
        minutes=60,
        concepts=("A3.9", "A3.10"),
        builds_on=("1.3", "3.3"),
    ),
    Lesson(
        id="3.8",
        path="3_architectures/8_alignment_tuning",
        title="Alignment tuning",
        question="Why does a model speak of things that are not there, and how is it taught not to?",
        minutes=75,
        concepts=("A3.11", "A3.12"),
        builds_on=("2.8", "3.7"),
    ),
    Lesson(
        id="3.9",
        path="3_architectures/9_models_in_the_world",
        title="Models in the world",
        question="What is known about the models that everybody talks about, and which of them have you already built?",
        minutes=45,
        concepts=("A3.8",),
        builds_on=("2.1", "2.3", "2.4"),
    ),
)


def find_lesson(identifier: str) -> Lesson:
    """Return the lesson called `identifier`, an id such as "2.3" or a path such as "0_start/1_start_here"."""
    for lesson in LESSONS:
        if identifier in (lesson.id, lesson.path):
            return lesson
    known = ", ".join(f"{lesson.id} ({lesson.path})" for lesson in LESSONS)
    raise KeyError(f"there is no lesson {identifier!r}; the lessons are {known}")
