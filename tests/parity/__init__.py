"""Parity: one recorded log gives the same events, to the byte, whichever runtime folds it.

``sources`` makes what trucks and operators send, ``record`` the log of it with notes and ticks, ``runtime``
says what a runtime is and has the embedded one, ``compare`` tells in words where two differ. Another runtime
is one more class with a ``name`` and a ``run``, see ``runtime.Runtime``.
"""
