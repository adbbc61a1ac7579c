-- attempt: what the verbs share that a worker calls with its token (epoch, attempt).

-- Keeps the answer, so that the same request gets it again if the reply was lost on its way.
local function answer(run, task, request_id, reply)
  redis.call('HSET', run.key, task .. ':request', request_id, task .. ':answer', cjson.encode(reply))
  return reply
end

-- The task as the token's owner sees it, or nil and the answer to give instead.
-- A refused outcome is not silent: the stream says task.fenced, so that the history can show how the attempt ended. Only a
-- loss that comes too late says nothing: the attempt's own end has been told.
local function owned(run, task, epoch, attempt, request_id, outcome)
  local value = redis.call('HMGET', run.key, task .. ':state', task .. ':attempt', task .. ':worker', task .. ':pid',
    task .. ':retries', task .. ':losses', task .. ':request', task .. ':answer', task .. ':fenced')
  if value[7] == request_id and value[8] then return nil, cjson.decode(value[8]) end
  local mine = value[1] == 'running' and tonumber(value[2]) == attempt and run.epoch == epoch
  if mine and not is_stopped(run, task) then
    return {worker = value[3], pid = value[4], retries = tonumber(value[5] or 0), losses = tonumber(value[6] or 0)}
  end
  local told = object(pair('outcome', outcome), pair('epoch', epoch))
  if mine then
    emit(run, 'task.fenced', task, attempt, told)
    redis.call('HSET', run.key, task .. ':state', 'canceled')
    let_go(run, task, value[3])
    close(run)
    return nil, answer(run, task, request_id, {'canceled'})
  end
  if outcome ~= 'lost' and value[9] ~= request_id then
    emit(run, 'task.fenced', task, attempt, told)
    redis.call('HSET', run.key, 'seq', run.seq, task .. ':fenced', request_id)
  end
  return nil, {is_stopped(run, task) and 'canceled' or 'stale'}
end
