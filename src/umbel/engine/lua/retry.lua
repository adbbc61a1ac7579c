-- retry: the attempt failed; the next one is due after a pause that is kept here, not in a worker's memory.
-- keys: run ready queues timers leases held events clock plan
-- args: run:str task:int epoch:int attempt:int delay_ms:int info:json args:json by:str request_id:str
-- returns: ok(due:int released:ints) no_run canceled stale
-- events: task.retrying task.fenced run.settled
-- holds: [U-2] [U-3] [U-10] [U-11]
-- full: works
-- include: run release close attempt
local run_id, task, epoch, attempt, delay_ms, info, args, by, request_id = unpack(ARGV)
local run = open(run_id)
if not run then return {'no_run'} end
local mine, instead = owned(run, task, tonumber(epoch), tonumber(attempt), request_id, 'retry')
if not mine then return instead end
local due = run.now + tonumber(delay_ms)
let_go(run, task, mine.worker)
redis.call('HSET', run.key, task .. ':retries', mine.retries + 1)
if args ~= '' then redis.call('HSET', run.key, task .. ':args', args) end
if is_native(run, task) then
  redis.call('HSET', run.key, task .. ':state', 'retrying') -- Celery has the message
elseif due > run.now then
  redis.call('HSET', run.key, task .. ':state', 'retrying')
  redis.call('ZADD', key('timers'), due, run_id .. ':' .. task)
else
  release(run, task, by)
end
emit(run, 'task.retrying', task, attempt, object(info, '"due":' .. due, '"retries":' .. (mine.retries + 1), outcome(run)))
close(run)
return answer(run, task, request_id, {'ok', due, csv(run.released)})
