-- advance: go on releasing (or blocking) the dependents of a task that has too many for one call.
-- keys: cursors work run plan ready queues events clock
-- args: run:str by:str
-- returns: ok(items:items more:int)
-- events: run.advanced run.settled
-- holds: [U-1] [U-4]
-- include: run
-- An empty `run` takes the run that has waited longest. Several callers may work on the same run: each gets its own portion.
local run_id, by = unpack(ARGV)
if run_id == '' then
  run_id = redis.call('ZRANGE', key('cursors'), 0, 0)[1]
  if not run_id then return {'ok', '[]', 0} end
end
local list = key('work', run_id)
local run = open(run_id)
local item = run and redis.call('LPOP', list)
if not item then
  redis.call('DEL', list)
  redis.call('ZREM', key('cursors'), run_id)
  return {'ok', '[]', 0}
end
while item do
  work(run, {item}, by)
  item = run.budget >= CHUNK and redis.call('LPOP', list)
end
if #run.released > 0 or #run.blocked > 0 then emit(run, 'run.advanced', nil, nil, object(outcome(run))) end
close(run)
local more = redis.call('LLEN', list)
if more == 0 then redis.call('ZREM', key('cursors'), run_id) else redis.call('ZADD', key('cursors'), run.now, run_id) end
local items = {}
for i, task in ipairs(run.released) do items[i] = {run_id, tonumber(task), run.epoch, run.plan} end
return {'ok', #items > 0 and cjson.encode(items) or '[]', more}
