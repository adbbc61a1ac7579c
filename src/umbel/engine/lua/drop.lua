-- drop: take a run out that is behind the history, since the store has gone back in time; as if it had been lost.
-- keys: run results items work parked subs plan cursors deadlines workers held
-- args: run:str epoch:int seq:int plan_ttl_ms:int
-- returns: ok no_run exists
-- events:
-- holds: [U-5] [U-12]
-- full: works
-- include: plans
-- `epoch` and `seq` are those of the newest event that the history has: a run that has come as far stays. What other sets still
-- say of its tasks goes when somebody looks at it, as with every run that is not there.
local run_id, epoch, seq, plan_ttl_ms = unpack(ARGV)
local id = key('run', run_id)
local value = redis.call('HMGET', id, 'seq', 'plan', 'forgotten', 'epoch')
if not value[1] then return {'no_run'} end
local ahead = tonumber(value[4]) - tonumber(epoch)
if ahead > 0 or (ahead == 0 and tonumber(value[1]) >= tonumber(seq)) then return {'exists'} end
redis.call('UNLINK', id, key('results', run_id), key('items', run_id), key('work', run_id), key('parked', run_id),
  key('subs', run_id))
for _, worker in ipairs(redis.call('ZRANGE', key('workers'), 0, -1)) do
  for _, member in ipairs(redis.call('HKEYS', key('held', worker))) do
    if split(member) == run_id then redis.call('HDEL', key('held', worker), member) end -- it may live on for long
  end
end
redis.call('ZREM', key('cursors'), run_id)
redis.call('ZREM', key('deadlines'), run_id)
if not value[3] then let_go_plans(value[2], plan_ttl_ms) end
return {'ok'}
