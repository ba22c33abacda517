"""Moving pictures for the lessons: every widget has a keyboard path, a caption that says what to try, and a still.

    from utils.widgets import SceneMaker, Select, Slider

Names are loaded on first use, so that `import utils.widgets` costs nothing. No widget imports a model: what a widget
shows is given to it as arrays or as a callable.
"""

from __future__ import annotations

import importlib

_HOME = {
    "Button": "controls",
    "Chat": "chat",
    "Choice": "controls",
    "Control": "controls",
    "Select": "controls",
    "Slider": "controls",
    "TextBox": "controls",
    "Toggle": "controls",
    "ExpertRouting": "expert_routing",
    "Contender": "family_front",
    "FamilyFront": "family_front",
    "FieldOfView": "field_of_view",
    "FigureWidget": "base",
    "FlowPath": "flow_path",
    "FrameScrubber": "frame_scrubber",
    "LiveWidget": "base",
    "RoutedText": "expert_routing",
    "ScriptWidget": "base",
    "Channel": "fusion_mixer",
    "FusionMixer": "fusion_mixer",
    "ShiftPlayer": "shift_player",
    "ContextBudget": "context_budget",
    "Glossary": "glossary",
    "InterleavedText": "interleaved_text",
    "JointMap": "joint_map",
    "LabelCurves": "label_curves",
    "LabelTask": "label_curves",
    "LowRank": "low_rank",
    "Look": "picture_attention",
    "MergeSteps": "merge_steps",
    "ModalityViewer": "modality_viewer",
    "ModelCatalogue": "model_catalogue",
    "OneSequence": "one_sequence",
    "Panel": "modality_viewer",
    "PointCloud": "point_cloud",
    "PictureAttention": "picture_attention",
    "Predict": "predict",
    "Built": "program_steps",
    "ProgramSteps": "program_steps",
    "PromptBox": "prompt_box",
    "Question": "quiz",
    "Quiz": "quiz",
    "ChasePoint": "reward_chase",
    "RewardChase": "reward_chase",
    "SceneMaker": "scene_maker",
    "scene_panels": "panels",
    "SearchBox": "search_box",
    "SearchCost": "search_cost",
    "ShotBoard": "shot_board",
    "SpectrogramLab": "spectrogram",
    "StepChain": "step_chain",
    "TemperatureMatrix": "temperature_matrix",
    "UploadPicture": "upload_picture",
    "WeightedSum": "weighted_sum",
    "UploadRecording": "upload_recording",
    "WordAttention": "word_attention",
}
__all__ = sorted(_HOME)


def __getattr__(name: str):
    """Load the module that holds `name`."""
    if name not in _HOME:
        raise AttributeError(f"utils.widgets has no {name!r}; it has {', '.join(__all__)}")
    return getattr(importlib.import_module(f"utils.widgets.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return __all__
