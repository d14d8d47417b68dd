"""Raw CAN of a truck: J1939 frames to signals and facts.

Pure: frames in, values out. The signals' places are in ``j1939.dbc``; what a signal is called on the
wire is in ``gateway.can.signals``; what is put together from many frames in ``gateway.can.transport``.
"""

from __future__ import annotations

from gateway.can.bus import CanResult, Frame, TransportState, decode_can

__all__ = ["CanResult", "Frame", "TransportState", "decode_can"]
