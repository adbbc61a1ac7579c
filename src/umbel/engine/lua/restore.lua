-- restore: begin a new epoch of a run from what the history knows: to run a part of it again, or because it was lost here.
-- keys: run results plan work cursors timers deadlines items parked subs events clock
-- args: run:str plan:str payload:json epoch:int seq:int state:str parent:str size:int maps:str part:int tasks:json last:int info:json request_id:str
-- returns: ok no_plan exists live stale
-- events: run.restored
-- holds: [U-1] [U-5] [U-10] [U-11]
-- include: run release close plans create
-- In portions, since a run may be large: `part` counts them, `request_id` is the same for all. Until the last one nobody sees
-- the run. `maps` is `node:base:count:kept,...`: the maps whose items are kept, and how many of those. `tasks` is a list of
-- [index, state, attempt, text, how, value]. State '' runs again, and its attempts go on counting; 'queued' is a hook that has been called;
-- 'expanded' waits for the run `text` (no item of a map does: it starts anew), which may have ended and then stands with how and
-- what it gave; any other has ended, and `text` is its result or its error.
local run_id, plan, payload, epoch, seq, state, parent, size, maps, part, tasks, last, info, request_id = unpack(ARGV)
local id = key('run', run_id)
local known = redis.call('HMGET', id, 'state', 'epoch', 'seq', 'settled', 'forgotten', 'restore_request', 'restore_part')
local begun, present, wanted = known[1] == 'restoring', tonumber(known[2] or 0), tonumber(epoch)
if known[6] == request_id and present == wanted and tonumber(part) <= tonumber(known[7]) then return {'ok'} end
if known[1] and (present > wanted or (present == wanted and not begun)) then return {'exists'} end
if part == '0' then
  if known[1] and not begun and known[4] ~= '1' then return {'live'} end
  if not has_plans(plan) then return {'no_plan'} end
  if not known[1] or known[5] then hold_plans(plan) end
  redis.call('DEL', id, key('results', run_id), key('work', run_id), key('items', run_id), key('parked', run_id))
  redis.call('ZREM', key('cursors'), run_id)
  write_run(run_id, plan, payload, epoch, math.max(tonumber(seq), tonumber(known[3] or 0)), parent)
  redis.call('HSET', id, 'state', 'restoring', 'size', size, 'restore_request', request_id)
  local list = {}
  for node, base, count, kept in string.gmatch(maps, '(%d+):(%d+):(%d+):(%d+)') do
    list[#list + 1] = node .. ':' .. base .. ':' .. count
    redis.call('HSET', id, node .. ':kept', kept)
  end
  if #list > 0 then redis.call('HSET', id, 'maps', csv(list)) end
elseif not begun or known[6] ~= request_id or tonumber(part) ~= tonumber(known[7]) + 1 then
  return {'stale'}
end
redis.call('HSET', id, 'restore_part', part)
local total = tonumber(redis.call('HGET', id, 'tasks'))

-- Gathered, since many small writes take several times as long.
local fields, results, list, left, hooks = {}, {}, {}, 0, 0

local function add(to, name, value)
  to[#to + 1] = name
  to[#to + 1] = value
end

local function keep(index, was, text, how, value)
  if was == 'queued' then
    hooks = hooks + 1
    list[#list + 1] = index .. ':0:3'
    return
  end
  local own = tonumber(index) < total -- no hook, and no item of a map
  if was == 'expanded' and not own then return end
  add(fields, index .. ':state', was)
  if was == 'expanded' then
    redis.call('HSET', id, index .. ':state', was, index .. ':child', text)
    if how and how ~= '' then
      redis.call('HSET', id, index .. ':child_state', how, index .. ':child_result', value)
      redis.call('ZADD', key('timers'), clock(), run_id .. ':' .. index)
      return
    end
    redis.call('ZADD', key('subs', run_id), clock(), text)
    local child = open(text)
    if child and child.settled then tell_parent(child) end
    return
  end
  if text and text ~= '' then add(results, was == 'error' and index .. ':error' or index, text) end
  if not own then return end
  left = left - 1
  local good = (was == 'success' or was == 'skipped') and '1' or '0'
  list[#list + 1] = index .. ':0:' .. good
end

for _, task in ipairs(cjson.decode(tasks)) do
  local index, was, attempt, text = string.format('%d', task[1]), task[2], task[3], task[4]
  if attempt > 0 then add(fields, index .. ':attempt', string.format('%d', attempt)) end
  if was ~= '' then keep(index, was, text, task[5], task[6]) end
end
if #fields > 0 then redis.call('HSET', id, unpack(fields)) end
if #results > 0 then redis.call('HSET', key('results', run_id), unpack(results)) end
if #list > 0 then redis.call('RPUSH', key('work', run_id), unpack(list)) end
redis.call('HINCRBY', id, 'left', left)
redis.call('HINCRBY', id, 'hooks', hooks)
if last == '1' then
  redis.call('HSET', id, 'state', state)
  redis.call('RPUSH', key('work', run_id), '-1:0:1')
  set_deadline(run_id, plan)
  local run = open(run_id)
  redis.call('ZADD', key('cursors'), run.now, run_id)
  emit(run, 'run.restored', nil, nil, object('"epoch":' .. epoch, info))
  redis.call('HSET', id, 'seq', run.seq) -- `advance` goes on, and ends the run if nothing is left to do
end
return {'ok'}
