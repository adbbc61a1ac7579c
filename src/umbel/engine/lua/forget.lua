-- forget: the history has these runs; let their keys go after a while.
-- keys: run results items work parked subs plan cursors
-- args: runs:json ttl_ms:int plan_ttl_ms:int
-- returns: ok(forgotten:int)
-- events:
-- holds: [U-12]
-- full: works
-- include: plans
local runs, ttl_ms, plan_ttl_ms = cjson.decode(ARGV[1]), ARGV[2], ARGV[3]
local forgotten = 0
for _, run_id in ipairs(runs) do
  local id = key('run', run_id)
  local value = redis.call('HMGET', id, 'settled', 'plan', 'forgotten')
  if value[1] == '1' and not value[3] then
    forgotten = forgotten + 1
    redis.call('HSET', id, 'forgotten', '1')
    redis.call('PEXPIRE', id, ttl_ms)
    redis.call('PEXPIRE', key('results', run_id), ttl_ms)
    redis.call('PEXPIRE', key('items', run_id), ttl_ms)
    redis.call('DEL', key('work', run_id), key('parked', run_id), key('subs', run_id))
    redis.call('ZREM', key('cursors'), run_id)
    let_go_plans(value[2], plan_ttl_ms)
  end
end
return {'ok', forgotten}
