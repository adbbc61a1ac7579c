-- plan: put a part of a plan where the scripts of this partition can read it.
-- keys: plan
-- args: plan:str fields:json last:int ttl_ms:int
-- returns: ok
-- events:
-- holds: [U-12]
local plan, fields, last, ttl_ms = ARGV[1], cjson.decode(ARGV[2]), ARGV[3], ARGV[4]
local id = key('plan', plan)
for name, value in pairs(fields) do redis.call('HSET', id, name, value) end
if last == '1' then redis.call('HSET', id, 'complete', '1') end
-- Without a run that uses it, a plan goes by itself; launch makes it stay, forget lets it go.
if tonumber(redis.call('HGET', id, 'runs') or 0) == 0 then redis.call('PEXPIRE', id, ttl_ms) end
return {'ok'}
