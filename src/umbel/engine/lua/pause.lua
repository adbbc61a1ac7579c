-- pause: let nothing new of the run begin; what runs goes on to its end.
-- keys: run events clock
-- args: run:str info:json
-- returns: ok finished no_run
-- events: run.paused
-- holds: [U-5] [U-10]
-- include: run release close
local run_id, info = unpack(ARGV)
local run = open(run_id)
if not run then return {'no_run'} end
if run.stopped or run.left == 0 then return {'finished'} end
if not run.paused then
  redis.call('HSET', run.key, 'paused', '1')
  emit(run, 'run.paused', nil, nil, info)
  close(run)
end
return {'ok'}
