-- cancel: end the run now. What has not finished counts as canceled; running bodies hear of it at their next renewal.
-- keys: run work cursors events clock
-- args: run:str info:json request_id:str
-- returns: ok finished no_run
-- events: run.canceled run.settled
-- holds: [U-4] [U-5] [U-10]
-- include: run
local run_id, info, request_id = unpack(ARGV)
local run = open(run_id)
if not run then return {'no_run'} end
local known = redis.call('HGET', run.key, 'cancel_request')
if known == request_id then return {'ok'} end
if run.state ~= 'pending' and run.state ~= 'running' then return {'finished'} end
run.state = 'canceled'
redis.call('HSET', run.key, 'cancel_request', request_id)
redis.call('DEL', key('work', run_id))
redis.call('ZREM', key('cursors'), run_id)
emit(run, 'run.canceled', nil, nil, info)
close(run)
return {'ok'}
