-- spawn: the task starts a run of another definition, and ends as that run ends.
-- keys: run results plan ready queues timers deadlines leases held work cursors subs events clock
-- args: run:str task:int epoch:int attempt:int child:str plan:str payload:json definition:str by:str request_id:str
-- returns: ok(items:items) no_run canceled stale no_plan
-- events: task.spawned task.fenced run.launched run.succeeded run.settled
-- holds: [U-2] [U-3] [U-10]
-- include: run release close attempt plans create
local run_id, task, epoch, attempt, child_id, plan, payload, definition, by, request_id = unpack(ARGV)
local run = open(run_id)
if not run then return {'no_run'} end
local mine, instead = owned(run, task, tonumber(epoch), tonumber(attempt), request_id, 'spawned')
if not mine then return instead end
if not has_plans(plan) then return {'no_plan'} end
let_go(run, task, mine.worker)
redis.call('HSET', run.key, task .. ':state', 'expanded', task .. ':child', child_id)
redis.call('ZADD', key('subs', run_id), run.now, child_id)
emit(run, 'task.spawned', task, attempt, object(pair('run', child_id), pair('definition', definition)))
close(run, by)
local about = object(pair('definition', definition), '"parent":' .. object(pair('run', run_id), '"task":' .. task))
local child = create(child_id, plan, payload, by, run_id .. ':' .. task, about, payload)
local items = {}
for i, index in ipairs(child.released) do items[i] = {child_id, tonumber(index), 1, plan} end
return answer(run, task, request_id, {'ok', #items > 0 and cjson.encode(items) or '[]'})
