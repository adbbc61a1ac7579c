-- attempt: what the verbs share that a worker calls with its token (epoch, attempt).

-- The task as the token's owner sees it, or nil and the answer to give instead.
-- A refused outcome is not silent: the stream says task.fenced, so that the history can show the late attempt.
local function owned(run, task, epoch, attempt, request_id, verb)
  local value = redis.call('HMGET', run.key, task .. ':state', task .. ':attempt', task .. ':worker', task .. ':pid',
    task .. ':retries', task .. ':losses', task .. ':request', task .. ':answer')
  if request_id ~= '' and value[7] == request_id and value[8] then return nil, cjson.decode(value[8]) end
  local mine = value[1] == 'running' and tonumber(value[2]) == attempt and run.epoch == epoch
  if mine and run.state == 'canceled' then
    redis.call('HSET', run.key, task .. ':state', 'canceled')
    let_go(run, task, value[3])
    close(run)
    return nil, {'canceled'}
  end
  if not mine then
    if verb then
      emit(run, 'task.fenced', task, attempt, object(pair('outcome', verb), pair('epoch', epoch)))
      close(run)
    end
    return nil, {run.state == 'canceled' and 'canceled' or 'stale'}
  end
  return {worker = value[3], pid = value[4], retries = tonumber(value[5] or 0), losses = tonumber(value[6] or 0)}
end

-- Keeps the answer, so that the same request gets it again if the reply was lost on its way.
local function answer(run, task, request_id, reply)
  redis.call('HSET', run.key, task .. ':request', request_id, task .. ':answer', cjson.encode(reply))
  return reply
end

-- The task has failed for good: its descendants will never run, the run is an error at once.
local function fail_task(run, task, attempt, info, by)
  redis.call('HSET', run.key, task .. ':state', 'error')
  run.left = run.left - 1
  work(run, {task .. ':0:0'}, by)
  emit(run, 'task.failed', task, attempt, object(info, outcome(run)))
  if run.state == 'pending' or run.state == 'running' then
    run.state = 'error'
    emit(run, 'run.failed', nil, nil, object(pair('task', tonumber(task))))
  end
end
