"""The store in InfluxDB 2: ``InfluxStore`` behind the port, ``admin`` to make and check what it needs.

One measurement, ``samples``: tags ``asset`` and ``device``, integer and float fields named like the columns
of ``streams.records.SAMPLES``, extras as floats named ``x_<name>``. ``lines`` tells samples apart.
"""
