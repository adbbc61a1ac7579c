-- restore: begin a new epoch of a run from what the history knows: to run a part of it again, or because it was lost here.
-- keys: run results plan work cursors timers deadlines items parked subs events clock
-- args: run:str plan:str payload:json epoch:int seq:int state:str parent:str size:int maps:str part:int tasks:json last:int info:json request_id:str
-- returns: ok no_plan exists live stale
-- events: run.restored
-- holds: [U-1] [U-5] [U-10] [U-11]
-- include: run plans create
-- In portions, since a run may be large: `part` counts them, `request_id` is the same for all. Until the last one nobody sees
-- the run. `maps` is `node:base:count:kept,...`: the maps whose items are kept, and how many of those. `tasks` is a list of
-- [index, state, attempt, text]. State '' runs again, and its attempts go on counting; 'queued' is a hook that has been called;
-- 'expanded' waits for the run `text` (no item of a map does: it starts anew); any other has ended, and `text` is its result or
-- its error.
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

local function keep(index, was, text)
  if was == 'queued' then
    redis.call('HINCRBY', id, 'hooks', 1)
    redis.call('RPUSH', key('work', run_id), index .. ':0:3')
    return
  end
  if was == 'expanded' and tonumber(index) >= total then return end
  redis.call('HSET', id, index .. ':state', was)
  if was == 'expanded' then
    redis.call('HSET', id, index .. ':child', text)
    redis.call('ZADD', key('subs', run_id), clock(), text)
    local child = open(text)
    if child and child.settled then tell_parent(child) end
    return
  end
  if text and text ~= '' then redis.call('HSET', key('results', run_id), was == 'error' and index .. ':error' or index, text) end
  if tonumber(index) >= total then return end -- a hook, or an item of a map
  redis.call('HINCRBY', id, 'left', -1)
  local good = (was == 'success' or was == 'skipped') and '1' or '0'
  redis.call('RPUSH', key('work', run_id), index .. ':0:' .. good)
end

for _, task in ipairs(cjson.decode(tasks)) do
  local index, was, attempt, text = string.format('%d', task[1]), task[2], task[3], task[4]
  if attempt > 0 then redis.call('HSET', id, index .. ':attempt', string.format('%d', attempt)) end
  if was ~= '' then keep(index, was, text) end
end
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
