-- renew: the process that runs the body is alive; tells it if its attempt is not wanted any more.
-- keys: run leases clock
-- args: run:str task:int epoch:int attempt:int lease_ms:int
-- returns: ok no_run canceled stale
-- events:
-- holds: [U-3] [U-11]
local run_id, task, epoch, attempt, lease_ms = unpack(ARGV)
local value = redis.call('HMGET', key('run', run_id), 'state', 'epoch', task .. ':state', task .. ':attempt')
if not value[1] then return {'no_run'} end
if value[1] == 'canceled' then return {'canceled'} end
if value[2] ~= epoch or value[3] ~= 'running' or value[4] ~= attempt then return {'stale'} end
redis.call('ZADD', key('leases'), clock() + lease_ms, run_id .. ':' .. task)
return {'ok'}
