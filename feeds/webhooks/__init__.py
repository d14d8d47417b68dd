"""Events pushed to receivers over HTTPS: signed, retried for days, in order for each asset."""
