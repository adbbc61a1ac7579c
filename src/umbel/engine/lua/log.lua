-- log: append what an attempt printed to the run's events.
-- keys: run events clock
-- args: run:str task:int attempt:int lines:json request_id:str
-- returns: ok no_run
-- events: task.log
-- holds: [U-9] [U-10]
-- include: run
local run_id, task, attempt, lines, request_id = unpack(ARGV)
local run = open(run_id)
if not run then return {'no_run'} end
if redis.call('HGET', run.key, task .. ':logged') == request_id then return {'ok'} end
emit(run, 'task.log', task, attempt, object('"lines":' .. lines))
redis.call('HSET', run.key, 'seq', run.seq, task .. ':logged', request_id)
return {'ok'}
