-- run: one run while a script works on it: read by open(), told of by emit(), written back by close() in close.lua.

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
