-- launch: create a run, unless its id exists, and release its first tasks.
-- keys: run results plan ready queues timers deadlines work cursors events clock
-- args: run:str plan:str payload:json by:str request_id:str
-- returns: ok(released:ints) exists(released:ints) no_plan
-- events: run.launched run.succeeded run.settled
-- holds: [U-1] [U-10]
-- include: run release close plans create
local run_id, plan, payload, by, request_id = unpack(ARGV)
local id = key('run', run_id)
local known = redis.call('HMGET', id, 'state', 'request', 'answer')
if known[1] then
  if known[2] == request_id then return cjson.decode(known[3]) end
  return {'exists', ''}
end
if not has_plans(plan) then return {'no_plan'} end
local run = create(run_id, plan, payload, by, '', '')
local reply = {'ok', csv(run.released)}
redis.call('HSET', id, 'request', request_id, 'answer', cjson.encode(reply))
return reply
