"""Tasks that do nothing: what is measured is everything around them."""

from umbel import task


@task(name="A")
def a(*args, **kwargs):
    return 1


@task(name="B")
def b(*args, **kwargs):
    return 1


@task(name="C")
def c(*args, **kwargs):
    return 1


@task(name="D")
def d(*args, **kwargs):
    return 1
