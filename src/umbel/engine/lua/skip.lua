-- skip: the task's condition was false: it counts as done with result null, and its dependents are released.
-- keys: run results plan ready queues timers leases held work cursors events clock
-- args: run:str task:int epoch:int attempt:int info:json by:str request_id:str
-- returns: ok(released:ints) no_run canceled stale
-- events: task.skipped task.fenced run.succeeded run.settled
-- holds: [U-2] [U-3] [U-4] [U-5] [U-10]
-- full: works
-- include: run release close attempt
local run_id, task, epoch, attempt, info, by, request_id = unpack(ARGV)
local run = open(run_id)
if not run then return {'no_run'} end
local mine, instead = owned(run, task, tonumber(epoch), tonumber(attempt), request_id, 'skipped')
if not mine then return instead end
redis.call('HSET', run.key, task .. ':state', 'skipped')
redis.call('HSET', key('results', run_id), task, 'null')
let_go(run, task, mine.worker)
ended(run, task, by)
work(run, {task .. ':0:1'}, by)
emit(run, 'task.skipped', task, attempt, object(info, outcome(run)))
close(run, by)
return answer(run, task, request_id, {'ok', csv(run.released)})
