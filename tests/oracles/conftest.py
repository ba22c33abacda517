import os

import pytest
import torch

os.environ["HF_HUB_OFFLINE"] = "1"  # before anything imports transformers


@pytest.fixture(scope="session", autouse=True)
def transformers():
    """Imported once a session: it takes seconds."""
    return pytest.importorskip("transformers", reason="the oracle; pip install -e '.[test]'")


@pytest.fixture(autouse=True)
def one_thread():
    """Small matrices are slower on several threads, and sums then depend on how many there are."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
