# SPDX-License-Identifier: Apache-2.0
import pytest
from daemon import Daemon, copy_models


@pytest.fixture(scope="session")
def serin(tmp_path_factory):
    """One daemon with all example artifacts, for tests that leave no trace in it."""
    folder = tmp_path_factory.mktemp("shared")
    with Daemon(copy_models(folder), folder) as daemon:
        yield daemon
