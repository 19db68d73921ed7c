"""How hypothesis tries cases and sequences of steps against a real server."""

from hypothesis import HealthCheck, Phase, settings


def for_sequences(sequences: int, steps: int = 1) -> settings:
    """Settings for so many sequences of so many steps, the same ones each time if they are few."""
    return settings(
        max_examples=sequences,
        stateful_step_count=steps,
        deadline=None,
        derandomize=sequences < 1000,
        database=None,
        phases=[Phase.explicit, Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
