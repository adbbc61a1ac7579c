-- decide: a person approves or rejects; what waited for it goes on, or will never run.
-- keys: run results plan ready queues timers deadlines work cursors events clock
-- args: run:str task:int approved:int value:json info:json by:str request_id:str
-- returns: ok(released:ints) no_run canceled not_asked
-- events: task.succeeded task.failed run.failed run.succeeded run.settled
-- holds: [U-2] [U-4] [U-5] [U-10]
-- include: run release close attempt fail
local run_id, task, approved, value, info, by, request_id = unpack(ARGV)
local run = open(run_id)
if not run then return {'no_run'} end
local known = redis.call('HMGET', run.key, task .. ':state', task .. ':request', task .. ':answer', task .. ':attempt')
if known[2] == request_id and known[3] then return cjson.decode(known[3]) end
if run.stopped then return {'canceled'} end
if known[1] ~= 'awaiting_input' then return {'not_asked'} end
redis.call('ZREM', key('timers'), run_id .. ':' .. task)
if approved == '1' then
  redis.call('HSET', run.key, task .. ':state', 'success')
  redis.call('HSET', key('results', run_id), task, value)
  ended(run, task, by)
  work(run, {task .. ':0:1'}, by)
  emit(run, 'task.succeeded', task, known[4], object(outcome(run)), value)
else
  fail_task(run, task, known[4], info, by)
end
close(run, by)
return answer(run, task, request_id, {'ok', csv(run.released)})
