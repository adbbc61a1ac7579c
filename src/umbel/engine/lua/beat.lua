-- beat: a worker's sign of life. One that leaves says so, and its tasks are taken over without waiting for its lease.
-- keys: workers worker clock
-- args: worker:str info:json lease_ms:int leaving:int keep_ms:int
-- returns: ok
-- events:
-- holds: [U-6] [U-11] [U-12]
-- full: works
-- An empty `info` keeps what it has said of itself before, which may be long: the names of its tasks.
local worker, info, lease_ms, leaving, keep_ms = unpack(ARGV)
local now = clock()
redis.call('ZADD', key('workers'), leaving == '1' and now - 1 or now + lease_ms, worker)
redis.call('HSET', key('worker', worker), 'beat', now)
if info ~= '{}' then redis.call('HSET', key('worker', worker), 'info', info) end
redis.call('HDEL', key('worker', worker), 'held')
redis.call('PEXPIRE', key('worker', worker), keep_ms)
return {'ok'}
