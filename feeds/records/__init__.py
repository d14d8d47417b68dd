"""What a feed serves: records of a grant out of the ledger, each with what proves it.

``page`` reads them in the ledger's order, ``lines`` and ``columns`` write them, ``beside`` gathers what a
verifier needs besides, ``export`` and ``pull`` make directories that verify with no network.
"""
