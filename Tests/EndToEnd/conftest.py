# SPDX-License-Identifier: Apache-2.0
import pytest
from daemon import Daemon, copy_models

# The files that take longest, longest first: begun last, one of them would be waited for alone.
LONG = (
    "test_first_model", "test_tls", "test_openapi", "test_memory", "test_rollout_gates", "test_versions",
    "test_long_answers", "test_packed_bodies", "test_packed_steps", "test_packed_trees", "test_attack", "test_seals",
    "test_lifecycle", "test_stories", "test_rollouts",
)


def pytest_configure(config):
    config.addinivalue_line("markers", "alone: holds how long something takes against a limit, so nothing else may run")


def pytest_collection_modifyitems(items):
    ranks = {name: rank for rank, name in enumerate(LONG)}
    items.sort(key=lambda item: ranks.get(item.path.stem, len(LONG)))


@pytest.fixture(scope="session")
def serin(tmp_path_factory):
    """One daemon with all example artifacts, for tests that leave no trace in it."""
    folder = tmp_path_factory.mktemp("shared")
    with Daemon(copy_models(folder), folder) as daemon:
        yield daemon
