-- fail: record the error that ends a task for good. Branches that do not need it go on.
-- keys: run results plan ready queues timers leases held work cursors events clock
-- args: run:str task:int epoch:int attempt:int info:json by:str request_id:str
-- returns: ok(released:ints) no_run canceled stale
-- events: task.failed task.fenced run.failed run.succeeded run.settled
-- holds: [U-2] [U-3] [U-5] [U-10]
-- full: works
-- include: run release close attempt fail
local run_id, task, epoch, attempt, info, by, request_id = unpack(ARGV)
local run = open(run_id)
if not run then return {'no_run'} end
local mine, instead = owned(run, task, tonumber(epoch), tonumber(attempt), request_id, 'error')
if not mine then return instead end
let_go(run, task, mine.worker)
fail_task(run, task, attempt, info, by)
close(run, by)
return answer(run, task, request_id, {'ok', csv(run.released)})
