-- stop: ending a run before its time, and with it the runs that it has started.

local function stop(run, by)
  run.stopped = true
  redis.call('HSET', run.key, 'stopped', '1')
  redis.call('DEL', key('work', run.id), key('parked', run.id))
  redis.call('ZREM', key('cursors'), run.id)
  for _, sub in ipairs(redis.call('SMEMBERS', key('subs', run.id))) do
    local child = open(sub)
    if child and not child.stopped and not child.settled then
      if child.state == 'pending' or child.state == 'running' then
        child.state = 'canceled'
        emit(child, 'run.canceled', nil, nil, object(pair('by', 'run ' .. run.id)))
      else
        emit(child, 'run.stopped', nil, nil, object(pair('by', 'run ' .. run.id)))
      end
      stop(child, by)
      close(child, by)
    end
  end
end
