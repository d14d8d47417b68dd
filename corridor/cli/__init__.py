"""The verbs of ``corridor``, one module each."""
