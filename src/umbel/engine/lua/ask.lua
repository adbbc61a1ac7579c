-- ask: the task waits for a person's decision, for as long as its author allows.
-- keys: run leases held timers events clock
-- args: run:str task:int epoch:int attempt:int info:json timeout_ms:int request_id:str
-- returns: ok no_run canceled stale
-- events: task.asked task.fenced run.settled
-- holds: [U-2] [U-3] [U-10]
-- include: run release close attempt
local run_id, task, epoch, attempt, info, timeout_ms, request_id = unpack(ARGV)
local run = open(run_id)
if not run then return {'no_run'} end
local mine, instead = owned(run, task, tonumber(epoch), tonumber(attempt), request_id, 'asked')
if not mine then return instead end
let_go(run, task, mine.worker)
redis.call('HSET', run.key, task .. ':state', 'awaiting_input')
local due = ''
redis.call('ZREM', key('timers'), run_id .. ':' .. task) -- one of an earlier epoch would end the wait
if tonumber(timeout_ms) > 0 then
  due = '"due":' .. run.now + timeout_ms
  redis.call('ZADD', key('timers'), run.now + timeout_ms, run_id .. ':' .. task)
end
emit(run, 'task.asked', task, attempt, object(info, due))
close(run)
return answer(run, task, request_id, {'ok'})
