-- advance: go on releasing (or blocking) the dependents of a task that has too many for one call.
-- keys: cursors work run plan ready queues events clock
-- args: run:str by:str pause_ms:int
-- returns: ok(items:items more:int)
-- events: run.advanced run.settled
-- holds: [U-1] [U-4]
-- include: run
-- An empty `run` takes the run that has waited longest; while one caller works on it, others leave it for `pause_ms`.
local run_id, by, pause_ms = unpack(ARGV)
local now = clock()
if run_id == '' then
  run_id = redis.call('ZRANGEBYSCORE', key('cursors'), '-inf', now, 'LIMIT', 0, 1)[1]
  if not run_id then return {'ok', '[]', 0} end
end
local list = key('work', run_id)
local run = open(run_id)
local work_items = redis.call('LPOP', list, MAX_ITEMS / CHUNK)
if not run or not work_items then
  redis.call('ZREM', key('cursors'), run_id)
  return {'ok', '[]', 0}
end
redis.call('ZADD', key('cursors'), now + pause_ms, run_id)
work(run, work_items, by)
if #run.released > 0 or #run.blocked > 0 then emit(run, 'run.advanced', nil, nil, object(outcome(run))) end
close(run)
local more = redis.call('LLEN', list)
if more == 0 then redis.call('ZREM', key('cursors'), run_id) else redis.call('ZADD', key('cursors'), now + pause_ms, run_id) end
local items = {}
for i, task in ipairs(run.released) do items[i] = {run_id, tonumber(task), run.epoch, run.plan} end
return {'ok', #items > 0 and cjson.encode(items) or '[]', more}
