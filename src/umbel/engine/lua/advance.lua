-- advance: go on releasing (or blocking) the dependents of a task that has too many for one call.
-- keys: cursors work run results plan ready queues timers deadlines parked subs events clock
-- args: run:str by:str
-- returns: ok(items:items more:int)
-- events: run.advanced run.succeeded run.canceled run.stopped run.settled
-- holds: [U-1] [U-4]
-- full: works
-- include: run release close stop
-- An empty `run` takes the run that has waited longest. Several callers may work on the same run: each gets its own portion.
local run_id, by = unpack(ARGV)
if run_id == '' then
  run_id = redis.call('ZRANGE', key('cursors'), 0, 0)[1]
  if not run_id then return {'ok', '[]', 0} end
end
local list, parked = key('work', run_id), key('parked', run_id)
local run = open(run_id)
if not run then
  if redis.call('HGET', key('run', run_id), 'state') ~= 'restoring' then redis.call('DEL', list, parked) end
  redis.call('ZREM', key('cursors'), run_id)
  return {'ok', '[]', 0}
end
if run.stopped then stop_subs(run, run) end
local item = redis.call('LPOP', list)
while item do
  work(run, {item}, by)
  item = run.budget >= CHUNK and redis.call('LPOP', list)
end
while not run.paused and run.budget >= CHUNK do
  local task = redis.call('ZPOPMIN', parked)[1]
  if not task then break end
  run.budget = run.budget - 1
  if redis.call('HGET', run.key, task .. ':state') == 'queued' then release(run, task, by) end
end
local told = outcome(run)
if told ~= '' then emit(run, 'run.advanced', nil, nil, object(told)) end
close(run, by)
local more = redis.call('LLEN', list)
if run.stopped then more = more + redis.call('ZCARD', key('subs', run_id)) end
if not run.paused then more = more + redis.call('ZCARD', parked) end
if more == 0 then redis.call('ZREM', key('cursors'), run_id) else redis.call('ZADD', key('cursors'), run.now, run_id) end
local items = {}
for i, task in ipairs(run.released) do items[i] = {run_id, tonumber(task), run.epoch, run.plan} end
return {'ok', #items > 0 and cjson.encode(items) or '[]', more}
