-- create: how a run comes into being.

local function hold_plans(plan)
  for _, each in ipairs(plans_of(plan)) do
    redis.call('HINCRBY', key('plan', each), 'runs', 1)
    redis.call('PERSIST', key('plan', each))
  end
end

local function has_plans(plan)
  for _, each in ipairs(plans_of(plan)) do
    if redis.call('HGET', key('plan', each), 'complete') ~= '1' then return false end
  end
  return true
end

local function set_deadline(run_id, plan)
  local after = redis.call('HGET', key('plan', plan), 'deadline')
  if after then redis.call('ZADD', key('deadlines'), clock() + after, run_id) end
end

-- Writes the fields that every run has, from its plan.
local function write_run(run_id, plan, payload, epoch, seq, parent)
  local id, plan_key = key('run', run_id), key('plan', plan)
  local known = redis.call('HMGET', plan_key, 'tasks', 'nodes')
  redis.call('HSET', id, 'state', 'pending', 'plan', plan, 'epoch', epoch, 'seq', seq, 'left', known[1], 'live', 0,
    'settled', '0', 'tasks', known[1], 'nodes', known[2], 'hooks', 0, 'payload', payload)
  if parent ~= '' then redis.call('HSET', id, 'parent', parent) end
end

-- Creates a run and releases its first tasks. `about` is what its first event says besides, `value` its payload if the
-- history does not have it yet.
local function create(run_id, plan, payload, by, parent, about, value)
  hold_plans(plan)
  write_run(run_id, plan, payload, 1, 0, parent)
  set_deadline(run_id, plan)
  -- Celery's canvas is sent by who launches a run, so a run that a task starts is ours; there is no later epoch.
  if parent == '' and redis.call('HGET', key('plan', plan), 'native') then redis.call('HSET', key('run', run_id), 'native', '1') end
  local run = open(run_id)
  if not run.native then work(run, {'-1:0:1'}, by) end
  emit(run, 'run.launched', nil, nil, object(pair('plan', plan), '"n":' .. run.tasks, about, outcome(run)), value)
  close(run, by)
  return run
end
