"""Where the key for acks lies, and its public half for those that only tell it."""

from __future__ import annotations

import logging
from pathlib import Path

from corridor.folder import ack_key_in
from corridor.settings import Settings
from gateway.ackkey import AckKeyError, load_public

_log = logging.getLogger("corridor.api")


def ack_key_of(settings: Settings) -> Path:
    """The file of the key: of the setting, else in the data folder."""
    return settings.ack_key_file or ack_key_in(settings.data_dir)


def public_ack_key(settings: Settings) -> bytes | None:
    """The public bytes of the key; None where there is none that can be read."""
    try:
        return load_public(ack_key_of(settings))
    except FileNotFoundError:
        return None
    except AckKeyError as error:
        _log.warning("ack_key_unusable reason=%r", str(error))
        return None
