-- renew: the process that runs the body is alive; tells it if its attempt is not wanted any more.
-- keys: run leases clock
-- args: run:str task:int epoch:int attempt:int lease_ms:int
-- returns: ok no_run canceled stale
-- events:
-- holds: [U-3] [U-11]
-- full: works
local run_id, task, epoch, attempt, lease_ms = unpack(ARGV)
local value = redis.call('HMGET', key('run', run_id), 'state', 'epoch', task .. ':state', task .. ':attempt', 'stopped', 'tasks', 'nodes')
if not value[1] or value[1] == 'restoring' then return {'no_run'} end
local hook = tonumber(task) >= tonumber(value[6] or 0) and tonumber(task) < tonumber(value[7] or 0)
if value[5] == '1' and not hook then return {'canceled'} end
if value[2] ~= epoch or value[3] ~= 'running' or value[4] ~= attempt then return {'stale'} end
redis.call('ZADD', key('leases'), clock() + lease_ms, run_id .. ':' .. task)
return {'ok'}
