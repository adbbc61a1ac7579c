-- launch: create a run, unless its id exists, and release its first tasks.
-- keys: run plan ready queues work cursors events clock
-- args: run:str plan:str payload:json by:str request_id:str
-- returns: ok(released:ints) exists(released:ints) no_plan
-- events: run.launched run.succeeded run.settled
-- holds: [U-1] [U-10]
-- include: run
local run_id, plan, payload, by, request_id = unpack(ARGV)
local id, plan_key = key('run', run_id), key('plan', plan)
local known = redis.call('HMGET', id, 'state', 'request', 'answer')
if known[1] then
  if known[2] == request_id then return cjson.decode(known[3]) end
  return {'exists', ''}
end
if redis.call('HGET', plan_key, 'complete') ~= '1' then return {'no_plan'} end
redis.call('HINCRBY', plan_key, 'runs', 1)
redis.call('PERSIST', plan_key)
local tasks = redis.call('HGET', plan_key, 'tasks')
redis.call('HSET', id, 'state', 'pending', 'plan', plan, 'epoch', 1, 'seq', 0, 'left', tasks, 'live', 0, 'settled', '0',
  'tasks', tasks, 'hooks', 0, 'payload', payload)
local run = open(run_id)
work(run, {'-1:0:1'}, by)
emit(run, 'run.launched', nil, nil, object(pair('plan', plan), '"n":' .. tasks, outcome(run)))
close(run, by)
local reply = {'ok', csv(run.released)}
redis.call('HSET', id, 'request', request_id, 'answer', cjson.encode(reply))
return reply
