"""One repository at a GitHub on loopback, with one pull request."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mlops_ci.github.client import Client
from tests.github.api.server import Api, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HEAD, BASE = "a" * 40, "b" * 40
TOKEN = "ghs_0123456789"


@pytest.fixture
def api() -> Iterator[Api]:
    """Fails the test when a request or an answer is not as GitHub describes it."""
    with serving() as served:
        served.add_repo(refs={"refs/heads/main": BASE})
        served.add_pull(
            "octo/churn", 7, head={"ref": "t", "sha": HEAD}, base={"ref": "main", "sha": BASE}
        )
        served.add_token(TOKEN)
        yield served
        assert served.state.wrong == []


@pytest.fixture
def waits() -> list[float]:
    """Every pause that the client took, none of which took any time."""
    return []


@pytest.fixture
def client(api: Api, waits: list[float]) -> Client:
    return Client(api.url, "octo/churn", TOKEN, sleep=waits.append)


@pytest.fixture
def client_of(api: Api, waits: list[float]) -> Callable[[str], Client]:
    return lambda token: Client(api.url, "octo/churn", token, sleep=waits.append)
