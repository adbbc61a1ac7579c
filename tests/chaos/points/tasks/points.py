"""Tasks whose only interest is that they run."""

import time

from umbel import task


@task(name="plain")
def plain(*args, **named):
    return 1


@task(name="slow")
def slow(*args, **named):
    time.sleep(0.3)
    return 1


@task(name="twice", bind=True, max_retries=3)
def twice(self, *args, **named):
    if self.request.retries < 1:
        raise self.retry(countdown=0.2)
    return 1
