"""The search for a criterion that works: small networks, validation data, many candidates."""
