"""The ledger: a C2SP tlog-tiles log of salted commitments, its checkpoints, proofs and witnesses.

``merkle``, ``tiles``, ``tree``, ``note``, ``checkpoint`` and ``proof`` are the formats, pure; ``entry`` is
what one leaf says; ``sequencer`` appends over the storage port of ``storage``.
"""
