-- create: how a run comes into being.

-- The plans that a run holds on to: its own, and those of the runs that it may start.
local function hold_plans(plan, by)
  local plan_key = key('plan', plan)
  local held = {plan_key}
  for sub in string.gmatch(redis.call('HGET', plan_key, 'subs') or '', '[^,]+') do held[#held + 1] = key('plan', sub) end
  for _, each in ipairs(held) do
    redis.call('HINCRBY', each, 'runs', by)
    redis.call('PERSIST', each)
  end
end

local function has_plans(plan)
  local known = redis.call('HMGET', key('plan', plan), 'complete', 'subs')
  if known[1] ~= '1' then return false end
  for sub in string.gmatch(known[2] or '', '[^,]+') do
    if redis.call('HGET', key('plan', sub), 'complete') ~= '1' then return false end
  end
  return true
end

-- Writes the fields that every run has, from its plan.
local function write_run(run_id, plan, payload, epoch, seq, parent)
  local id, plan_key = key('run', run_id), key('plan', plan)
  local known = redis.call('HMGET', plan_key, 'tasks', 'nodes', 'native', 'deadline')
  redis.call('HSET', id, 'state', 'pending', 'plan', plan, 'epoch', epoch, 'seq', seq, 'left', known[1], 'live', 0,
    'settled', '0', 'tasks', known[1], 'nodes', known[2], 'hooks', 0, 'payload', payload)
  if known[3] then redis.call('HSET', id, 'native', '1') end
  if parent ~= '' then redis.call('HSET', id, 'parent', parent) end
  if known[4] then redis.call('ZADD', key('deadlines'), clock() + known[4], run_id) end
end

-- Creates a run and releases its first tasks. `about` is what its first event says besides, `value` its payload if the
-- history does not have it yet.
local function create(run_id, plan, payload, by, parent, about, value)
  hold_plans(plan, 1)
  write_run(run_id, plan, payload, 1, 0, parent)
  local run = open(run_id)
  if not run.native then work(run, {'-1:0:1'}, by) end
  emit(run, 'run.launched', nil, nil, object(pair('plan', plan), '"n":' .. run.tasks, about, outcome(run)), value)
  close(run, by)
  return run
end
