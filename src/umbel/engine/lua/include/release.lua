-- release: what may run now, and what never will: how an ended task's dependents and a map's items hear of it.

local function queue_of(run, task)
  return redis.call('HGET', run.plan_key, node_of(run, task) .. ':queue') or ''
end

-- When a task that is released for the first time is due, if its author wants it later.
local function due_of(run, task)
  local node = node_of(run, task)
  local asked = redis.call('HMGET', run.plan_key, node .. ':delay', node .. ':at')
  if (not asked[1] and not asked[2]) or redis.call('HEXISTS', run.key, task .. ':ready') == 1 then return run.now end
  return asked[2] and tonumber(asked[2]) or run.now + tonumber(asked[1])
end

-- Puts a task where the next free worker may claim it. `by` says whose duty it is to publish the message.
local function release(run, task, by)
  local due = due_of(run, task)
  if due > run.now then
    redis.call('HSET', run.key, task .. ':state', 'scheduled', task .. ':ready', run.now)
    redis.call('ZADD', key('timers'), due, run.id .. ':' .. task)
    run.scheduled[#run.scheduled + 1] = '[' .. task .. ',' .. due .. ']'
    return
  end
  local queue = queue_of(run, task)
  redis.call('HSET', run.key, task .. ':state', 'queued', task .. ':ready', run.now, task .. ':by', by, task .. ':copies', 0)
  redis.call('ZADD', key('ready', queue), run.now, run.id .. ':' .. task)
  redis.call('HSETNX', key('queues'), 'passed:' .. queue, 0)
  run.released[#run.released + 1] = task
end

-- What did not fit into this call waits in the run's work list, which `advance` takes up.
local function later(run, items)
  redis.call('RPUSH', key('work', run.id), unpack(items))
  redis.call('ZADD', key('cursors'), run.now, run.id)
end

-- Releases up to `wanted` more items of a map; one that has ended in an earlier epoch is passed over.
local function next_items(run, node, wanted, by)
  local base, count = string.match(redis.call('HGET', run.key, node .. ':phase') or '', '^(%d+):(%d+)$')
  if not base then return end
  local at = tonumber(redis.call('HGET', run.key, node .. ':next') or 0)
  while wanted > 0 and at < tonumber(count) and run.budget > 0 do
    local task = string.format('%d', base + at)
    run.budget = run.budget - 1
    if not redis.call('HGET', run.key, task .. ':state') then
      release(run, task, by)
      wanted = wanted - 1
    end
    at = at + 1
  end
  redis.call('HSET', run.key, node .. ':next', at)
  if wanted > 0 and at < tonumber(count) then later(run, {node .. ':' .. wanted .. ':2'}) end
end

-- A task will not run: its needs have failed (blocked), or nothing has failed that it should look after (skipped).
local function pass_over(run, task, state)
  redis.call('HSET', run.key, task .. ':state', state)
  run.left = run.left - 1
  if state == 'skipped' then
    redis.call('HSET', key('results', run.id), task, 'null')
    run.skipped[#run.skipped + 1] = task
    return task .. ':0:1'
  end
  run.blocked[#run.blocked + 1] = task
  return task .. ':0:0'
end

-- One of a task's needs has ended; decides, perhaps, what becomes of the task. Returns the portion that this makes due.
local function hear(run, task, good, by)
  local known = redis.call('HMGET', run.plan_key, task .. ':needs', task .. ':run_if')
  local needs, run_if = tonumber(known[1]), known[2]
  local count = redis.call('HINCRBY', run.key, task .. (good and ':done' or ':bad'), 1)
  if not run_if and good and count < needs then return nil end
  local value = redis.call('HMGET', run.key, task .. ':state', task .. ':done', task .. ':bad')
  if value[1] then return nil end
  local done, bad = tonumber(value[2] or 0), tonumber(value[3] or 0)
  if not run_if and not good then return pass_over(run, task, 'upstream_failed') end
  if done + bad < needs then return nil end
  if run_if == 'any_failed' and bad == 0 then return pass_over(run, task, 'skipped') end
  if run_if == 'one_ok' and done == 0 then return pass_over(run, task, 'upstream_failed') end
  release(run, task, by)
end

-- Tells one chunk of an ended task's dependents. Returns the portions that this makes due.
local function tell(run, item, by)
  local source, chunk, how = string.match(item, '^(-?%d+):(%d+):(%d)$')
  local list = how < '2' and redis.call('HGET', run.plan_key, source .. ':out:' .. chunk)
  if not list then run.budget = run.budget - 1 end
  if how == '2' then
    next_items(run, source, tonumber(chunk), by)
    return {}
  end
  if how == '3' then -- a hook that had been called when the run was lost
    release(run, source, by)
    return {}
  end
  local due = {}
  if not list or (run.native and how == '1') then return due end
  for task in string.gmatch(list, '%d+') do
    run.budget = run.budget - 1
    due[#due + 1] = hear(run, task, how == '1', by)
  end
  due[#due + 1] = source .. ':' .. (chunk + 1) .. ':' .. how
  return due
end

-- Works through `items` within the budget.
local function work(run, items, by)
  local at = 1
  while items[at] and run.budget >= CHUNK do
    for _, more in ipairs(tell(run, items[at], by)) do items[#items + 1] = more end
    at = at + 1
  end
  local rest = {}
  for i = at, #items do
    local source, chunk, how = string.match(items[i], '^(-?%d+):(%d+):(%d)$')
    if how >= '2' or redis.call('HEXISTS', run.plan_key, source .. ':out:' .. chunk) == 1 then rest[#rest + 1] = items[i] end
  end
  if #rest > 0 then later(run, rest) end
end
