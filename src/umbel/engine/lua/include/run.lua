-- run: one run while a script works on it. open() reads it, close() writes it back, in between are the rules.

local MAX_ITEMS = 500 -- dependents that one call may touch
local CHUNK = 100 -- dependents that stand together in one field of the plan; keys.py writes them so

local function open(run)
  local id = key('run', run)
  local value = redis.call('HMGET', id, 'state', 'plan', 'epoch', 'seq', 'left', 'live', 'settled', 'tasks',
    'hooks')
  if not value[1] then return nil end
  return {
    id = run, key = id, state = value[1], plan = value[2], plan_key = key('plan', value[2]), epoch = tonumber(value[3]),
    seq = tonumber(value[4]), left = tonumber(value[5]), live = tonumber(value[6]), settled = value[7] == '1',
    tasks = tonumber(value[8]), hooks = tonumber(value[9]),
    now = clock(), released = {}, blocked = {}, budget = MAX_ITEMS,
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

local function outcome(run)
  local text = {}
  if #run.released > 0 then text[#text + 1] = '"released":[' .. csv(run.released) .. ']' end
  if #run.blocked > 0 then text[#text + 1] = '"blocked":[' .. csv(run.blocked) .. ']' end
  return table.concat(text, ',')
end

local function queue_of(run, task)
  return redis.call('HGET', run.plan_key, task .. ':queue') or ''
end

-- Puts a task where the next free worker may claim it. `by` says whose duty it is to publish the message.
local function release(run, task, by)
  local queue = queue_of(run, task)
  redis.call('HSET', run.key, task .. ':state', 'queued', task .. ':ready', run.now, task .. ':by', by, task .. ':copies', 0)
  redis.call('ZADD', key('ready', queue), run.now, run.id .. ':' .. task)
  redis.call('HSETNX', key('queues'), 'passed:' .. queue, 0)
  run.released[#run.released + 1] = task
end

-- Tells one chunk of a finished task's dependents. Returns the chunks that this makes due.
local function tell(run, item, by)
  local source, chunk, good = string.match(item, '^(-?%d+):(%d+):(%d)$')
  local list = redis.call('HGET', run.plan_key, source .. ':out:' .. chunk)
  local due = {}
  if not list then return due end
  for task in string.gmatch(list, '%d+') do
    run.budget = run.budget - 1
    if good == '1' then
      local done = redis.call('HINCRBY', run.key, task .. ':done', 1)
      if done == tonumber(redis.call('HGET', run.plan_key, task .. ':needs')) then release(run, task, by) end
    elseif not redis.call('HGET', run.key, task .. ':state') then
      redis.call('HSET', run.key, task .. ':state', 'upstream_failed')
      run.left = run.left - 1
      run.blocked[#run.blocked + 1] = task
      due[#due + 1] = task .. ':0:0'
    end
  end
  due[#due + 1] = source .. ':' .. (chunk + 1) .. ':' .. good
  return due
end

-- Works through `items` within the budget; what is left waits in the run's work list, which `advance` takes up.
local function work(run, items, by)
  local at = 1
  while items[at] and run.budget >= CHUNK do
    for _, more in ipairs(tell(run, items[at], by)) do items[#items + 1] = more end
    at = at + 1
  end
  local rest = {}
  for i = at, #items do
    local source, chunk = string.match(items[i], '^(-?%d+):(%d+):')
    if redis.call('HEXISTS', run.plan_key, source .. ':out:' .. chunk) == 1 then rest[#rest + 1] = items[i] end
  end
  if #rest > 0 then
    redis.call('RPUSH', key('work', run.id), unpack(rest))
    redis.call('ZADD', key('cursors'), run.now, run.id)
  end
end

-- The attempt is over, whatever its outcome: nobody holds the task any more.
local function let_go(run, task, worker)
  redis.call('ZREM', key('leases'), run.id .. ':' .. task)
  redis.call('HDEL', key('held', worker), run.id .. ':' .. task)
  run.live = run.live - 1
end

-- A task has ended for good. Hooks stand behind the run's own tasks in the plan and are counted apart.
local function ended(run, task)
  if tonumber(task) >= run.tasks then run.hooks = run.hooks - 1 else run.left = run.left - 1 end
end

-- Releases the hook of this name, if the plan has one. Returns what the event says of it.
local function call_hook(run, name, by)
  local task = redis.call('HGET', run.plan_key, 'hook:' .. name)
  if not task then return nil end
  run.hooks = run.hooks + 1
  release(run, task, by)
  return '"released":[' .. task .. ']'
end

-- Ends the run if nothing is left to do, and writes back what changed. `by` publishes a hook.
local function close(run, by)
  if run.left == 0 and (run.state == 'pending' or run.state == 'running') then
    run.state = 'success'
    emit(run, 'run.succeeded', nil, nil, object(call_hook(run, 'success', by) or ''))
  end
  local over = run.left == 0 or run.state == 'canceled'
  if over and run.live == 0 and run.hooks == 0 and not run.settled then
    run.settled = true
    emit(run, 'run.settled')
  end
  redis.call('HSET', run.key, 'state', run.state, 'seq', run.seq, 'left', run.left, 'live', run.live,
    'settled', run.settled and '1' or '0', 'hooks', run.hooks)
end
