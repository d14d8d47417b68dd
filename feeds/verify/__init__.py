"""The verifier of feeds: what an export says, checked against its own files and the log's public key.

Read it in this order: ``finding`` (what can be told), ``files`` (what is read), ``logs`` (heads, tiles,
witnesses), ``records`` (each row against its entry), ``devices`` (signatures), ``complete`` (nothing
missing), ``derived`` (crossings follow from samples), ``verifier`` (all of it in order).
"""
