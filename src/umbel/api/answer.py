"""Operations over asyncio: the use case in a thread, the waiting without one."""

import asyncio
from typing import Any

from umbel.api.replies import Context
from umbel.service import reading
from umbel.service.models import Resource, RunDetail
from umbel.service.operations import Operation, StartRun, WaitForRun
from umbel.service.perform import perform


async def answer(context: Context, asked: Operation[Any], by: str = "api") -> Resource:
    """Do what `by` asks for, waiting for the run's end as long as the operation says.

    Raises:
        UmbelError: it cannot be done.
    """
    found = await context.run(perform, context.umbel, asked, by)
    seconds = asked.wait if isinstance(asked, StartRun) else asked.timeout if isinstance(asked, WaitForRun) else None
    if seconds and isinstance(found, RunDetail) and not found.over:
        return await _until_over(context, found, seconds)
    return found


async def _until_over(context: Context, run: RunDetail, seconds: float) -> RunDetail:
    umbel = context.umbel
    deadline = asyncio.get_running_loop().time() + seconds
    async with umbel.feed.subscribe(run.id) as news:
        while True:
            # The history is asked after each news, and the first time after subscribing: nothing can be missed.
            row = await context.run(reading.require, umbel, run.id)
            left = deadline - asyncio.get_running_loop().time()
            if reading.is_over(row) or left <= 0 or news.closed:
                return await context.run(reading.detail, umbel, row)
            await news.next(left)
