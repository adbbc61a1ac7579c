-- fail: how a task's error spreads.

-- The task has failed for good: what needs it hears of it, the run is an error at once. A failed hook is only that, and so
-- is a quiet task, which its author has hung on another one.
local function fail_task(run, task, attempt, info, by)
  redis.call('HSET', run.key, task .. ':state', 'error')
  redis.call('HSET', key('results', run.id), task .. ':error', info)
  ended(run, task, by)
  work(run, {task .. ':0:0'}, by)
  emit(run, 'task.failed', task, attempt, object(info, outcome(run)))
  local quiet = redis.call('HGET', run.plan_key, node_of(run, task) .. ':quiet')
  if not quiet and (run.state == 'pending' or run.state == 'running') then
    run.state = 'error'
    emit(run, 'run.failed', nil, nil, object(pair('task', tonumber(task)), call_hook(run, 'failure', by) or ''))
  end
end
