-- succeed: record the result of one attempt and release the tasks that waited for it.
-- keys: run results plan ready queues timers leases held work cursors events clock
-- args: run:str task:int epoch:int attempt:int result:json by:str request_id:str
-- returns: ok(released:ints) no_run canceled stale
-- events: task.succeeded task.fenced run.succeeded run.settled
-- holds: [U-2] [U-3] [U-4] [U-5] [U-10]
-- full: works
-- include: run release close attempt
local run_id, task, epoch, attempt, result, by, request_id = unpack(ARGV)
local run = open(run_id)
if not run then return {'no_run'} end
local mine, instead = owned(run, task, tonumber(epoch), tonumber(attempt), request_id, 'success')
if not mine then return instead end
redis.call('HSET', run.key, task .. ':state', 'success')
redis.call('HSET', key('results', run_id), task, result)
let_go(run, task, mine.worker)
ended(run, task, by)
work(run, {task .. ':0:1'}, by)
emit(run, 'task.succeeded', task, attempt, object(outcome(run)), result)
close(run, by)
return answer(run, task, request_id, {'ok', csv(run.released)})
