-- restore: begin a new epoch of a run from what the history knows: to run a part of it again, or because it was lost here.
-- keys: run results plan work cursors deadlines items parked events clock
-- args: run:str plan:str payload:json epoch:int seq:int state:str parent:str size:int maps:str part:int tasks:json last:int info:json request_id:str
-- returns: ok no_plan exists live stale
-- events: run.restored
-- holds: [U-1] [U-5] [U-10] [U-11]
-- include: run create
-- In portions, since a run may be large: `part` counts them, `request_id` is the same for all. `tasks` is a list of
-- [index, state, attempt, result]: state '' is a task that runs again, whose attempts go on counting. `maps` is
-- `node:base:count:kept,...`: the maps whose items are kept, and how many of those. Until the last portion nobody sees the run.
local run_id, plan, payload, epoch, seq, state, parent, size, maps, part, tasks, last, info, request_id = unpack(ARGV)
local id = key('run', run_id)
local known = redis.call('HMGET', id, 'state', 'epoch', 'seq', 'settled', 'forgotten', 'restore_request', 'restore_part')
local begun = known[1] == 'restoring'
if known[1] and not begun and tonumber(known[2]) >= tonumber(epoch) then return {'exists'} end
if begun and known[6] == request_id and tonumber(part) <= tonumber(known[7]) then return {'ok'} end
if part == '0' then
  if known[1] and not begun and known[4] ~= '1' then return {'live'} end
  if not has_plans(plan) then return {'no_plan'} end
  if not known[1] or known[5] then hold_plans(plan, 1) end
  redis.call('DEL', id, key('results', run_id), key('work', run_id), key('items', run_id), key('parked', run_id))
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
local own = tonumber(redis.call('HGET', id, 'nodes'))
for _, task in ipairs(cjson.decode(tasks)) do
  local index, was, attempt, result = string.format('%d', task[1]), task[2], task[3], task[4]
  if attempt > 0 then redis.call('HSET', id, index .. ':attempt', string.format('%d', attempt)) end
  if was ~= '' then
    redis.call('HSET', id, index .. ':state', was)
    if result and result ~= '' then redis.call('HSET', key('results', run_id), index, result) end
    if task[1] < own then
      redis.call('HINCRBY', id, 'left', -1)
      local good = (was == 'success' or was == 'skipped') and '1' or '0'
      redis.call('RPUSH', key('work', run_id), index .. ':0:' .. good)
    end
  end
end
if last == '1' then
  redis.call('HSET', id, 'state', state)
  redis.call('HDEL', id, 'restore_request', 'restore_part')
  redis.call('RPUSH', key('work', run_id), '-1:0:1')
  local run = open(run_id)
  redis.call('ZADD', key('cursors'), run.now, run_id)
  emit(run, 'run.restored', nil, nil, object('"epoch":' .. epoch, info))
  close(run)
end
return {'ok'}
