"""Signatures of devices: COSE_Sign1 and the keys behind it. Pure."""
