"""Effects: what is sent to others, tried for days, in order, and noted so that it is sent once."""
