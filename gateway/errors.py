"""What the gateway raises: one base, and two kinds a caller acts on.

``RefusedError`` is final (the content is at fault: the device may forget the report); ``LaterError``
passes (the device keeps the report and sends it again). Foreign exceptions do not leave the package.
"""

from __future__ import annotations


class GatewayError(Exception):
    """The base of everything that the gateway raises."""


class RefusedError(GatewayError):
    """A report whose content can't be taken, now or later.

    ``reason`` is the code that the device and the dead letters see (``too_large``, ``not_readable``,
    ``not_supported``, ``bad_field``, ``too_many_samples``, ``impossible_value``, ``unequal_columns``,
    ``unsigned``, ``unknown_key``, ``bad_signature``);
    ``detail`` says what was got and wanted. ``boot`` and ``seq`` are set only when the payload's
    envelope could be trusted that far, else None: then the device gets no answer.
    """

    def __init__(self, reason: str, detail: str, boot: str | None = None, seq: int | None = None) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.boot = boot
        self.seq = seq


class LaterError(GatewayError):
    """A report that can't be taken now: the device keeps it and sends it again.

    ``reason`` is ``unknown_device``, ``rate``, ``disk_full`` or ``registry``; ``retry_after`` is in
    seconds.
    """

    def __init__(self, reason: str, retry_after: float) -> None:
        super().__init__(f"{reason}: want a retry after {retry_after:g} s")
        self.reason = reason
        self.retry_after = retry_after
