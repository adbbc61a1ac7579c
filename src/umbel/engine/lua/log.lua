-- log: append what an attempt printed to the run's events.
-- keys: run events clock
-- args: run:str task:int attempt:int lines:json
-- returns: ok no_run
-- events: task.log
-- holds: [U-9]
-- include: run
local run_id, task, attempt, lines = unpack(ARGV)
local run = open(run_id)
if not run then return {'no_run'} end
emit(run, 'task.log', task, attempt, object('"lines":' .. lines))
redis.call('HSET', run.key, 'seq', run.seq)
return {'ok'}
