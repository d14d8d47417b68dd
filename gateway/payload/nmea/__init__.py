"""NMEA 0183 from receivers: sentences out of bytes, one fix per epoch out of sentences.

Pure: ``NmeaSession`` is fed bytes and receive times and gives fixes. Which sentences make one fix, where
its date comes from and when it is 2D or 3D follows what gpsd does (docs/payload-formats.md).
"""

from __future__ import annotations

from gateway.payload.nmea.epoch import Fix
from gateway.payload.nmea.session import NmeaSession

__all__ = ["Fix", "NmeaSession"]
