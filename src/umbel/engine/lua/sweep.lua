-- sweep: find what lost its owner: attempts whose lease ran out, and workers that gave no sign of life.
-- keys: leases workers worker held run clock
-- args: limit:int
-- returns: ok(attempts:json workers:json)
-- events:
-- holds: [U-6]
-- full: works
-- attempts: [run, task, epoch, attempt, sure, counts, why]; workers: [worker, info, last beat in ms], which are taken
-- off the list once they hold nothing. A loss counts as the task's own fault only if it was the only task of a worker that
-- died, or if the worker's main process has outlived it: a machine that is switched off must not fail healthy tasks.
local limit = tonumber(ARGV[1])
local now = clock()
local attempts, gone, dead = {}, {}, {}

-- It has given a sign of life lately, so that it is not it that died.
local function lives(worker)
  local beat = tonumber(redis.call('HGET', key('worker', worker), 'beat') or 0)
  local ends = tonumber(redis.call('ZSCORE', key('workers'), worker) or 0)
  return (now - beat) * 2 <= ends - beat
end

for _, worker in ipairs(redis.call('ZRANGEBYSCORE', key('workers'), '-inf', now - 1, 'LIMIT', 0, limit)) do
  dead[worker] = true
  local held = redis.call('HGETALL', key('held', worker))
  -- How many it held when it died, however many of them are taken from it by now.
  redis.call('HSETNX', key('worker', worker), 'held', #held / 2)
  local alone = redis.call('HGET', key('worker', worker), 'held') == '1'
  for i = 1, #held, 2 do
    local run_id, task = split(held[i])
    local _, epoch, attempt = string.match(held[i + 1], '^(%-?%d+):(%d+):(%d+)$')
    local value = redis.call('HMGET', key('run', run_id), 'epoch', task .. ':state', task .. ':attempt')
    if value[1] ~= epoch or value[2] ~= 'running' or value[3] ~= attempt then
      redis.call('HDEL', key('held', worker), held[i])
    elseif #attempts < limit then
      attempts[#attempts + 1] = {run_id, tonumber(task), tonumber(epoch), tonumber(attempt), 1, alone and 1 or 0,
        'no sign of life from worker ' .. worker}
    end
  end
  if redis.call('EXISTS', key('held', worker)) == 0 then
    local about = redis.call('HMGET', key('worker', worker), 'info', 'beat')
    gone[#gone + 1] = {worker, about[1] or '{}', tonumber(about[2] or 0)}
    redis.call('ZREM', key('workers'), worker)
    redis.call('DEL', key('worker', worker))
  end
end
for _, member in ipairs(redis.call('ZRANGEBYSCORE', key('leases'), '-inf', now - 1, 'LIMIT', 0, limit)) do
  local run_id, task = split(member)
  local value = redis.call('HMGET', key('run', run_id), 'epoch', task .. ':attempt', task .. ':worker', task .. ':state')
  if value[4] ~= 'running' then
    redis.call('ZREM', key('leases'), member)
  elseif not dead[value[3]] and #attempts < limit then
    local counts = lives(value[3]) or redis.call('HLEN', key('held', value[3])) == 1
    attempts[#attempts + 1] = {run_id, tonumber(task), tonumber(value[1]), tonumber(value[2]), 0, counts and 1 or 0,
      'no sign of life from the process that ran it'}
  end
end
return {'ok', #attempts > 0 and cjson.encode(attempts) or '[]', #gone > 0 and cjson.encode(gone) or '[]'}
