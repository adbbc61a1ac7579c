-- lose: the attempt's worker is gone. The task is queued again, or fails once it has been lost too often.
-- keys: run results plan ready queues timers leases held work cursors events clock
-- args: run:str task:int epoch:int attempt:int sure:int counts:int max_lost:int why:str by:str request_id:str
-- returns: ok(released:ints) no_run canceled stale alive
-- events: task.lost task.failed task.fenced run.failed run.succeeded run.settled
-- holds: [U-3] [U-6] [U-7] [U-10] [U-11]
-- full: works
-- include: run release close attempt fail
local run_id, task, epoch, attempt, sure, counts, max_lost, why, by, request_id = unpack(ARGV)
local run = open(run_id)
if not run then return {'no_run'} end
local member = run_id .. ':' .. task
-- Whoever saw the process die is sure; whoever only saw an old lease must find it expired still.
local expires = tonumber(redis.call('ZSCORE', key('leases'), member) or 0)
if sure == '0' and expires >= run.now then return {'alive'} end
local mine, instead = owned(run, task, tonumber(epoch), tonumber(attempt), request_id, 'lost')
if not mine then return instead end
local losses = mine.losses + tonumber(counts)
redis.call('HSET', run.key, task .. ':losses', losses)
let_go(run, task, mine.worker)
local native = is_native(run, task)
local requeued = losses < tonumber(max_lost) or native
emit(run, 'task.lost', task, attempt, object(pair('worker', mine.worker), '"pid":' .. mine.pid, pair('why', why),
  '"losses":' .. losses, '"requeued":' .. tostring(requeued)))
if native then
  redis.call('HSET', run.key, task .. ':state', 'queued') -- if Celery sends it again; otherwise the deadline ends the run
elseif requeued then
  release(run, task, by)
else
  local text = 'The worker process died under this task ' .. losses .. ' times; last: ' .. why
  fail_task(run, task, attempt, object(pair('exception', text), pair('type', 'TaskPoisoned'), pair('reason', 'lost')), by)
end
close(run, by)
return answer(run, task, request_id, {'ok', csv(run.released)})
