"""The catalogue widget without a browser: what it stores and refuses."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from utils.catalogue import catalogue, find_system
from utils.widgets import ModelCatalogue

VIEW = "application/vnd.jupyter.widget-view+json"


def test_it_holds_every_system_and_leaves_empty_what_no_source_gives():
    rows = {row["name"]: row for row in ModelCatalogue()._spec["systems"]}
    assert list(rows) == list(catalogue())
    assert rows["GPT-4V"]["size"] == rows["GPT-4V"]["family"] == rows["GPT-4V"]["mechanism"] == ""
    assert rows["GPT-4V"]["parameters"] is None
    assert rows["DeepSeek-V3"]["size"] == "671 B, 37 B active"
    assert rows["Gemini 1.5 Pro"]["context"] == "2,000,000 tokens"
    assert rows["CLIP"]["mini"] == "utils.models.clip, in lesson 2.3 Contrastive alignment"
    assert rows["Sora"]["mini"] == "not yet in this course"
    assert rows["GPT-3"]["source"] == {
        "text": "Language models are few-shot learners, 2020",
        "url": "https://arxiv.org/abs/2005.14165",
    }


def test_it_displays_a_still_with_alternative_text():
    data, metadata = ModelCatalogue()._repr_mimebundle_()
    assert data[VIEW]["model_id"]
    picture = np.asarray(Image.open(io.BytesIO(data["image/png"])).convert("RGB"))
    assert picture.std() > 1
    alt = metadata["image/png"]["alt"]
    assert alt == f"a table of {len(catalogue())} systems, from BERT to CAD-GPT"
    assert alt in data["text/plain"]


def test_a_catalogue_of_a_few_and_of_none():
    few = ModelCatalogue([find_system("CLIP")], title="One system")
    assert [row["name"] for row in few._spec["systems"]] == ["CLIP"]
    assert "from CLIP to CLIP" in few.still()[1]
    with pytest.raises(ValueError, match="a catalogue needs systems"):
        ModelCatalogue([])
