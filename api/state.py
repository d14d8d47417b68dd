"""What an app holds while it runs, in one value; there are no globals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from fastapi import FastAPI

from api.directory import Directory
from api.live import Hub
from api.metrics import Metrics
from api.ports import Ports


@dataclass(frozen=True, slots=True)
class State:
    """The ports and what the API itself keeps beside them."""

    ports: Ports
    directory: Directory
    hub: Hub
    metrics: Metrics


def state_of(app: FastAPI) -> State:
    """The state of ``app``."""
    return cast(State, app.state.corridor)
