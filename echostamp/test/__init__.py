"""Unit tests: they need no network, no other process and no real clock."""

from hypothesis import HealthCheck, settings

# The time of an example depends more on the machine than on the code.
settings.register_profile(
    "echostamp", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("echostamp")
