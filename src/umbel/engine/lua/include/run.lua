-- run: one run while a script works on it. open() reads it, close() writes it back, in between are the rules.

local MAX_ITEMS = 500 -- dependents that one call may touch
local CHUNK = 100 -- dependents that stand together in one field of the plan; keys.py writes them so

local function open(run)
  local id = key('run', run)
  local value = redis.call('HMGET', id, 'state', 'plan', 'epoch', 'seq', 'left', 'live', 'settled', 'tasks',
    'hooks', 'nodes', 'size', 'maps', 'stopped', 'paused', 'native', 'parent')
  if not value[1] or value[1] == 'restoring' then return nil end
  return {
    id = run, key = id, state = value[1], plan = value[2], plan_key = key('plan', value[2]), epoch = tonumber(value[3]),
    seq = tonumber(value[4]), left = tonumber(value[5]), live = tonumber(value[6]), settled = value[7] == '1',
    tasks = tonumber(value[8]), hooks = tonumber(value[9]), nodes = tonumber(value[10]),
    size = tonumber(value[11] or value[10]), maps = value[12] or '', stopped = value[13] == '1', paused = value[14] == '1',
    native = value[15] == '1', parent = value[16],
    now = clock(), released = {}, scheduled = {}, blocked = {}, skipped = {}, budget = MAX_ITEMS,
  }
end

local function emit(run, event, task, attempt, data, value)
  run.seq = run.seq + 1
  local fields = {'r', run.id, 'n', run.seq, 'e', event, 't', run.now}
  local function add(name, content)
    fields[#fields + 1] = name
    fields[#fields + 1] = content
  end
  if task then add('k', task) end
  if attempt then add('a', attempt) end
  if data and data ~= '{}' then add('d', data) end
  if value then add('v', value) end
  redis.call('XADD', key('events'), '*', unpack(fields))
end

-- A JSON object out of ready-made pieces: objects (their braces are taken off) and '"name":value' texts.
local function object(...)
  local parts = {}
  for _, piece in ipairs({...}) do
    if string.sub(piece, 1, 1) == '{' then piece = string.sub(piece, 2, -2) end
    if piece ~= '' then parts[#parts + 1] = piece end
  end
  return '{' .. table.concat(parts, ',') .. '}'
end

local function pair(name, value)
  if type(value) == 'string' then value = cjson.encode(value) end
  return '"' .. name .. '":' .. value
end

-- What a call has done to other tasks than its own, as its event says it.
local function outcome(run)
  local text = {}
  for _, name in ipairs({'released', 'scheduled', 'blocked', 'skipped'}) do
    if #run[name] > 0 then text[#text + 1] = '"' .. name .. '":[' .. csv(run[name]) .. ']' end
  end
  return table.concat(text, ',')
end

-- A hook stands behind the run's own tasks in the plan and is counted apart; the items of maps stand behind all nodes.
local function is_hook(run, task) return tonumber(task) >= run.tasks and tonumber(task) < run.nodes end

-- Whether nobody may begin or end this task any more. A hook runs although its run was stopped: it is how people hear of it.
local function is_stopped(run, task) return run.stopped and not is_hook(run, task) end

-- Whether Celery's own canvas decides when this task runs. The hooks of such a run are ours.
local function is_native(run, task) return run.native and tonumber(task) < run.tasks end

-- The node of the plan behind a task: its own, or that of the map whose item it is (with its place, base and count).
local function node_of(run, task)
  local index = tonumber(task)
  if index < run.nodes then return task end
  for node, base, count in string.gmatch(run.maps, '(%d+):(%d+):(%d+)') do
    base, count = tonumber(base), tonumber(count)
    if index >= base and index < base + count then return node, index - base, base, count end
  end
  return task
end

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
    redis.call('ZREM', key('deadlines'), run.id)
    emit(run, 'run.settled')
    if run.parent then tell_parent(run) end
  end
  redis.call('HSET', run.key, 'state', run.state, 'seq', run.seq, 'left', run.left, 'live', run.live,
    'settled', run.settled and '1' or '0', 'hooks', run.hooks)
end
