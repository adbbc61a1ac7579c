-- stop: ending a run before its time, and with it the runs that it has started.

local STOP_COST = 4 -- one run, in items of the budget
local stop

-- Tells the runs that a stopped run has started, as many as the budget of `whole` allows; `advance` goes on with the rest.
local function stop_subs(run, whole)
  local subs = key('subs', run.id)
  while whole.budget >= STOP_COST do
    local sub = redis.call('ZPOPMIN', subs)[1]
    if not sub then break end
    whole.budget = whole.budget - STOP_COST
    local child = open(sub)
    if child and not child.stopped and not child.settled then
      if child.state == 'pending' or child.state == 'running' then
        child.state = 'canceled'
        emit(child, 'run.canceled', nil, nil, object(pair('by', 'run ' .. run.id)))
      else
        emit(child, 'run.stopped', nil, nil, object(pair('by', 'run ' .. run.id)))
      end
      stop(child, whole)
      close(child)
    end
  end
  if redis.call('EXISTS', subs) == 1 then redis.call('ZADD', key('cursors'), run.now, run.id) end
end

stop = function(run, whole)
  run.stopped = true
  redis.call('HSET', run.key, 'stopped', '1')
  redis.call('DEL', key('work', run.id), key('parked', run.id))
  redis.call('ZREM', key('cursors'), run.id)
  stop_subs(run, whole)
end
