-- promote: queue the tasks whose retry pause is over.
-- keys: timers run plan ready queues events clock
-- args: limit:int by:str
-- returns: ok(items:items next:int)
-- events: task.queued
-- holds: [U-1] [U-11]
-- include: run
local limit, by = unpack(ARGV)
local now = clock()
local items = {}
for _, member in ipairs(redis.call('ZRANGEBYSCORE', key('timers'), '-inf', now, 'LIMIT', 0, limit)) do
  redis.call('ZREM', key('timers'), member)
  local run_id, task = split(member)
  local run = open(run_id)
  if run and run.state ~= 'canceled' and redis.call('HGET', run.key, task .. ':state') == 'retrying' then
    release(run, task, by)
    emit(run, 'task.queued', task, nil, object(pair('why', 'due')))
    close(run)
    items[#items + 1] = {run_id, tonumber(task), run.epoch, run.plan}
  end
end
local following = redis.call('ZRANGE', key('timers'), 0, 0, 'WITHSCORES')
return {'ok', #items > 0 and cjson.encode(items) or '[]', following[2] and tonumber(following[2]) or 0}
