-- resume: let the run go on; `advance` releases what came in vain meanwhile.
-- keys: run parked cursors events clock
-- args: run:str info:json
-- returns: ok finished no_run
-- events: run.resumed
-- holds: [U-1] [U-5] [U-10]
-- include: run release close
local run_id, info = unpack(ARGV)
local run = open(run_id)
if not run then return {'no_run'} end
if run.stopped or run.left == 0 then return {'finished'} end
if run.paused then
  redis.call('HDEL', run.key, 'paused')
  if redis.call('EXISTS', key('parked', run_id)) == 1 then redis.call('ZADD', key('cursors'), run.now, run_id) end
  emit(run, 'run.resumed', nil, nil, info)
  close(run)
end
return {'ok'}
