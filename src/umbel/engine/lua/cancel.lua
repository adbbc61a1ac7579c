-- cancel: end the run now, and the runs that it has started. What has not finished counts as canceled.
-- keys: run results plan work cursors parked subs timers deadlines events clock
-- args: run:str info:json request_id:str
-- returns: ok finished no_run
-- events: run.canceled run.stopped run.settled
-- holds: [U-4] [U-5] [U-10]
-- full: works
-- include: run release close stop
-- Running bodies hear of it at their next renewal.
local run_id, info, request_id = unpack(ARGV)
local run = open(run_id)
if not run then return {'no_run'} end
local known = redis.call('HGET', run.key, 'cancel_request')
if known == request_id then return {'ok'} end
if run.stopped or run.left == 0 then return {'finished'} end
redis.call('HSET', run.key, 'cancel_request', request_id)
if run.state == 'pending' or run.state == 'running' then
  run.state = 'canceled'
  emit(run, 'run.canceled', nil, nil, info)
else
  emit(run, 'run.stopped', nil, nil, info) -- it has failed already; what it still does ends here
end
stop(run, run)
close(run)
return {'ok'}
