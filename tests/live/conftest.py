"""What the tests on sockets share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.live.certificates import make


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of `tests.live.certificates`, made once."""
    return make(tmp_path_factory.mktemp("certificates"))
