-- claim: give a queued task to a worker, as a new attempt with a lease.
-- keys: run results plan ready queues leases held items parked events clock
-- args: run:str task:int epoch:int worker:str pid:int in_turn:int lease_ms:int request_id:str
-- returns: ok(attempt:int retries:int plan:str payload:json inputs:json args:json node:int item:json phase:str waited_ms:int age_ms:int) no_run canceled stale not_queued paused
-- events: task.started task.lost
-- holds: [U-2] [U-4] [U-10] [U-11]
-- include: run release close
local run_id, task, epoch, worker, pid, in_turn, lease_ms, request_id = unpack(ARGV)
local MAX_INPUTS = 500 -- a wider join reads its inputs in pieces, after the claim
local run = open(run_id)
if not run then return {'no_run'} end
local value = redis.call('HMGET', run.key, task .. ':state', task .. ':attempt', task .. ':retries', task .. ':ready',
  task .. ':request', task .. ':args', task .. ':phase', task .. ':since', task .. ':worker', task .. ':pid')
local state, attempt, retries, ready_at = value[1], tonumber(value[2] or 0), tonumber(value[3] or 0), value[4]
local again = state == 'running' and value[5] == request_id
local member, queue, native = run_id .. ':' .. task, queue_of(run, task), is_native(run, task)
if is_stopped(run, task) then
  redis.call('ZREM', key('ready', queue), member)
  return {'canceled'}
end
if run.epoch ~= tonumber(epoch) then return {'stale'} end
if not again then
  local free = state == 'queued'
  if native then
    -- Celery sequences here: it sends, sends again and retries as it likes, and each delivery is an attempt.
    free = not state or state == 'queued' or state == 'retrying' or state == 'running'
    if state == 'running' then
      emit(run, 'task.lost', task, attempt, object(pair('worker', value[9]), '"pid":' .. value[10],
        pair('why', 'its message was delivered again'), '"requeued":true'))
      let_go(run, task, value[9])
    end
    ready_at = ready_at or run.now
  end
  if not free then return {'not_queued'} end
  if run.paused and not native and not is_hook(run, task) then
    redis.call('ZREM', key('ready', queue), member)
    redis.call('ZADD', key('parked', run_id), 'NX', run.now, task)
    return {'paused'}
  end
  attempt = attempt + 1
  redis.call('HSET', run.key, task .. ':state', 'running', task .. ':attempt', attempt, task .. ':worker', worker,
    task .. ':pid', pid, task .. ':request', request_id, task .. ':since', value[8] or run.now)
  redis.call('HDEL', run.key, task .. ':answer')
  redis.call('ZREM', key('ready', queue), member)
  -- How far this queue's claims have come: a task released earlier and still unclaimed has lost its message. A worker
  -- that goes straight on jumps the queue, which says nothing about those who wait in it.
  if in_turn == '1' and not native and tonumber(redis.call('HGET', key('queues'), 'passed:' .. queue) or 0) < tonumber(ready_at) then
    redis.call('HSET', key('queues'), 'passed:' .. queue, ready_at)
  end
  redis.call('HSET', key('queues'), 'claimed:' .. queue, run.now)
  redis.call('ZADD', key('leases'), run.now + lease_ms, member)
  redis.call('HSET', key('held', worker), member, pid .. ':' .. epoch .. ':' .. attempt)
  run.live = run.live + 1
  if run.state == 'pending' then run.state = 'running' end
  emit(run, 'task.started', task, attempt, object(pair('worker', worker), '"pid":' .. pid, '"queued_at":' .. ready_at,
    '"retries":' .. retries, '"epoch":' .. epoch))
  close(run)
end
-- An item of a map is told what it is; it reads the rest only if it wants to, since all items together would read it n times.
local node, place = node_of(run, task)
local item, inputs, payload = '', '[]', ''
local needs = {}
for need in string.gmatch(redis.call('HGET', run.plan_key, node .. ':in') or '', '%d+') do needs[#needs + 1] = need end
if place then
  item = redis.call('HGET', key('items', run_id), string.format('%s:%d', node, place)) or 'null'
  inputs = ''
else
  payload = redis.call('HGET', run.key, 'payload')
  if #needs > MAX_INPUTS then
    inputs = ''
  elseif #needs > 0 then
    local results = redis.call('HMGET', key('results', run_id), unpack(needs))
    for i = 1, #needs do results[i] = results[i] or 'null' end
    inputs = '[' .. csv(results) .. ']'
  end
end
return {'ok', attempt, retries, run.plan, payload, inputs, value[6] or '', tonumber(node), item, value[7] or '',
  run.now - (ready_at or run.now), run.now - (value[8] or run.now)}
