"""Three plain tasks for canvases: they take what Celery gives them, and know nothing of payloads."""

from umbel import task


@task(name="ADD")
def add(number: float, more: float = 1) -> float:
    """Add to a number."""
    return number + more


@task(name="DOUBLE")
def double(number: float) -> float:
    """Twice a number."""
    return 2 * number


@task(name="TOTAL")
def total(numbers: list[float]) -> float:
    """All of a list."""
    return sum(numbers)
