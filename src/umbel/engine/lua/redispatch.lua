-- redispatch: find released tasks whose message is probably lost, so that the caller sends a spare copy of each.
-- keys: ready queues run plan clock
-- args: by:str since_ms:int heads:json after_ms:int limit:int
-- returns: ok(items:items)
-- events:
-- holds: [U-8] [U-11]
-- include: run
-- With `by` (a worker or a pool process that died): what it had released since `since_ms` and perhaps never published, and the
-- first tasks of the queues in `heads` ({queue: count}), which it may have fetched. Without: what has waited for `after_ms`,
-- twice as long for each copy already sent (three at most count), and only if the queue's claims have passed it, or it is one of the first of a queue
-- where nothing is claimed at all. A copy too many is harmless, because claim refuses it; a doubled backlog would not be.
-- A task sent again goes to the end of `ready`, as its copy went to the end of the broker's queue. Its time of release stays:
-- its first message may still be claimed, from the front, and that must not make the claims look further than they are.
local by, since_ms, heads, after_ms, limit = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local FRONT = 10
local now = clock()
local items = {}

local function again(queue, member)
  local run_id, task = split(member)
  local run = open(run_id)
  if not run or is_stopped(run, task) or redis.call('HGET', run.key, task .. ':state') ~= 'queued' then
    redis.call('ZREM', key('ready', queue), member) -- nobody is to run it any more
    return false
  end
  redis.call('HINCRBY', run.key, task .. ':copies', 1)
  redis.call('ZADD', key('ready', queue), now, member)
  items[#items + 1] = {run_id, tonumber(task), run.epoch, run.plan}
  return true
end

local function field(member, name)
  local run_id, task = split(member)
  return redis.call('HGET', key('run', run_id), task .. ':' .. name)
end

local function of_the_dead(queue)
  local head = tonumber(cjson.decode(heads)[queue] or 0)
  local members = {}
  if head > 0 then members = redis.call('ZRANGE', key('ready', queue), 0, head - 1) end
  for _, member in ipairs(redis.call('ZRANGEBYSCORE', key('ready', queue), since_ms, '+inf', 'LIMIT', 0, limit)) do
    local owner = field(member, 'by') or ''
    if owner == by or string.sub(owner, 1, #by + 1) == by .. '/' then members[#members + 1] = member end
  end
  local seen = {}
  for _, member in ipairs(members) do
    if not seen[member] and #items < limit then again(queue, member) end
    seen[member] = true
  end
end

local function overdue(queue)
  local marks = redis.call('HMGET', key('queues'), 'passed:' .. queue, 'claimed:' .. queue, 'front:' .. queue)
  local passed, claimed, front = tonumber(marks[1] or 0), tonumber(marks[2] or 0), tonumber(marks[3] or 0)
  local idle = now - claimed >= after_ms and now - front >= after_ms
  local old = redis.call('ZRANGEBYSCORE', key('ready', queue), '-inf', now - after_ms, 'WITHSCORES', 'LIMIT', 0, limit)
  local sent = 0
  for i = 1, #old, 2 do
    local member, ready_at = old[i], tonumber(old[i + 1])
    local copies = tonumber(field(member, 'copies') or 0)
    local waited = now - ready_at >= after_ms * 2 ^ math.min(copies, 3)
    local in_front = idle and sent < FRONT
    if #items < limit and waited and (ready_at < passed or in_front) and again(queue, member) then
      sent = sent + 1
      if in_front then redis.call('HSET', key('queues'), 'front:' .. queue, now) end
    end
  end
end

local marks = redis.call('HKEYS', key('queues'))
table.sort(marks)
for _, mark in ipairs(marks) do
  local queue = string.match(mark, '^passed:(.*)$')
  if queue then
    if by ~= '' then of_the_dead(queue) else overdue(queue) end
  end
end
return {'ok', #items > 0 and cjson.encode(items) or '[]'}
