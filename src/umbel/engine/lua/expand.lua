-- expand: the list of a map is known; its items become tasks of their own, a window of them at a time.
-- keys: run results plan ready queues timers leases held work cursors items events clock
-- args: run:str task:int epoch:int attempt:int first:int items:json count:int window:int by:str request_id:str
-- returns: ok(released:ints) no_run canceled stale
-- events: task.expanded task.fenced run.settled
-- holds: [U-2] [U-3] [U-4] [U-10]
-- include: run release close attempt
-- The items come in portions (a JSON list of JSON texts, from place `first` on); the last one expands. Between them the
-- attempt goes on, and if it is lost, the next one begins anew.
local run_id, task, epoch, attempt, first, items, count, window, by, request_id = unpack(ARGV)
local run = open(run_id)
if not run then return {'no_run'} end
local mine, instead = owned(run, task, tonumber(epoch), tonumber(attempt), request_id, 'expanded')
if not mine then return instead end
if tonumber(task) >= run.tasks or redis.call('HEXISTS', run.key, task .. ':phase') == 1 then return {'stale'} end -- no map, or gathering
items, count = cjson.decode(items), tonumber(count)
for i, item in ipairs(items) do
  redis.call('HSET', key('items', run_id), string.format('%s:%d', task, first + i - 1), item)
end
if first + #items < count then return {'ok', ''} end
-- A restored run has kept what items gave, if there are as many as then.
local base, kept = nil, 0
for node, at, size in string.gmatch(run.maps, '(%d+):(%d+):(%d+)') do
  if node == task and tonumber(size) == count then base = tonumber(at) end
end
if base then
  kept = tonumber(redis.call('HGET', run.key, task .. ':kept') or 0)
else
  base = run.size
  run.maps = run.maps .. (run.maps ~= '' and ',' or '') .. string.format('%s:%d:%d', task, base, count)
  redis.call('HSET', run.key, 'size', base + count, 'maps', run.maps)
end
let_go(run, task, mine.worker)
run.left = run.left + count - kept
redis.call('HSET', run.key, task .. ':state', 'expanded', task .. ':phase', string.format('%d:%d', base, count),
  task .. ':next', 0, task .. ':open', count - kept)
if kept < count then next_items(run, task, tonumber(window), by) else release(run, task, by) end
emit(run, 'task.expanded', task, attempt, object(string.format('"base":%d,"count":%d', base, count), outcome(run)))
close(run, by)
return answer(run, task, request_id, {'ok', csv(run.released)})
