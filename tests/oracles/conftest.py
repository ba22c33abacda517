import os

import pytest

os.environ["HF_HUB_OFFLINE"] = "1"  # before anything imports transformers


@pytest.fixture(scope="session", autouse=True)
def transformers():
    """Imported once a session: it takes seconds."""
    return pytest.importorskip("transformers", reason="the oracle; pip install -e '.[test]'")
