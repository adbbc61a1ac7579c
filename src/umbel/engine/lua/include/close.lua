-- close: how tasks and runs end.

-- The attempt is over, whatever its outcome: nobody holds the task any more.
local function let_go(run, task, worker)
  redis.call('ZREM', key('leases'), run.id .. ':' .. task)
  redis.call('HDEL', key('held', worker), run.id .. ':' .. task)
  run.live = run.live - 1
end

-- A task has ended for good. The last item of a map makes the map due again, to gather the results; any other makes room.
local function ended(run, task, by)
  if is_hook(run, task) then
    run.hooks = run.hooks - 1
    return
  end
  run.left = run.left - 1
  local node, place = node_of(run, task)
  if not place then return end
  if redis.call('HINCRBY', run.key, node .. ':open', -1) == 0 then
    release(run, node, by)
  else
    next_items(run, node, 1, by)
  end
end

-- Releases the hook of this name, if the plan has one. Returns what the event says of it.
local function call_hook(run, name, by)
  local task = redis.call('HGET', run.plan_key, 'hook:' .. name)
  if not task then return nil end
  run.hooks = run.hooks + 1
  release(run, task, by)
  return '"released":[' .. task .. ']'
end

-- The task that started this run learns how it ended at its next turn, since it may be in the hands of other loops.
local function tell_parent(run)
  local parent, task = split(run.parent)
  local id = key('run', parent)
  redis.call('ZREM', key('subs', parent), run.id)
  local value = redis.call('HMGET', id, task .. ':state', task .. ':child', 'stopped')
  if value[1] ~= 'expanded' or value[2] ~= run.id or value[3] == '1' then return end
  local ends = {}
  for index in string.gmatch(redis.call('HGET', run.plan_key, 'ends') or '', '%d+') do ends[#ends + 1] = index end
  local result = 'null'
  if #ends > 0 then
    local results = redis.call('HMGET', key('results', run.id), unpack(ends))
    for i = 1, #ends do results[i] = results[i] or 'null' end
    result = #ends == 1 and results[1] or '[' .. csv(results) .. ']'
  end
  redis.call('HSET', id, task .. ':child_state', run.state, task .. ':child_result', result)
  redis.call('ZADD', key('timers'), run.now, run.parent)
end

-- Ends the run if nothing is left to do, and writes back what changed. `by` publishes a hook.
local function close(run, by)
  if run.left == 0 and (run.state == 'pending' or run.state == 'running') then
    run.state = 'success'
    emit(run, 'run.succeeded', nil, nil, object(call_hook(run, 'success', by) or ''))
  end
  local over = run.left == 0
  -- A stopped run holds on until it has told the runs that it started.
  if run.stopped then over = redis.call('EXISTS', key('subs', run.id)) == 0 end
  if over and run.live == 0 and run.hooks == 0 and not run.settled then
    run.settled = true
    redis.call('HDEL', key('run', run.id), 'paused')
    redis.call('ZREM', key('deadlines'), run.id)
    emit(run, 'run.settled')
    if run.parent then tell_parent(run) end
  end
  redis.call('HSET', run.key, 'state', run.state, 'seq', run.seq, 'left', run.left, 'live', run.live,
    'settled', run.settled and '1' or '0', 'hooks', run.hooks)
end
