-- promote: do what is due: retries, countdowns, decisions that nobody made in time, news of a run that a task started, deadlines.
-- keys: timers deadlines run results plan ready queues work cursors parked subs events clock
-- args: limit:int by:str
-- returns: ok(items:items next:int)
-- events: task.queued task.failed task.succeeded run.failed run.stopped run.succeeded run.settled run.canceled
-- holds: [U-1] [U-11]
-- full: works
-- include: run release close fail stop
local limit, by = tonumber(ARGV[1]), ARGV[2]
local now = clock()
local items, spent = {}, 0

local function done(run)
  close(run, by)
  for _, task in ipairs(run.released) do items[#items + 1] = {run.id, tonumber(task), run.epoch, run.plan} end
  spent = spent + MAX_ITEMS - run.budget
end

-- The run that the task started has ended.
local function sub_ended(run, task)
  local value = redis.call('HMGET', run.key, task .. ':child', task .. ':child_state', task .. ':child_result',
    task .. ':attempt')
  if not value[2] then return end
  if value[2] == 'success' then
    redis.call('HSET', run.key, task .. ':state', 'success')
    redis.call('HSET', key('results', run.id), task, value[3])
    ended(run, task, by)
    work(run, {task .. ':0:1'}, by)
    emit(run, 'task.succeeded', task, value[4], object(outcome(run)), value[3])
  else
    local text = 'The run ' .. value[1] .. ' that it started ended as ' .. value[2] .. '.'
    fail_task(run, task, value[4], object(pair('exception', text), pair('type', 'RunFailed'), pair('reason', 'run'),
      pair('run', value[1])), by)
  end
end

for _, member in ipairs(redis.call('ZRANGEBYSCORE', key('timers'), '-inf', now, 'LIMIT', 0, limit)) do
  if spent >= MAX_ITEMS then break end
  redis.call('ZREM', key('timers'), member)
  local run_id, task = split(member)
  local run = open(run_id)
  local state = run and not is_stopped(run, task) and redis.call('HGET', run.key, task .. ':state')
  if state == 'retrying' or state == 'scheduled' then
    release(run, task, by)
    emit(run, 'task.queued', task, nil, object(pair('why', 'due')))
    done(run)
  elseif state == 'awaiting_input' then
    local attempt = redis.call('HGET', run.key, task .. ':attempt')
    fail_task(run, task, attempt, object(pair('exception', 'Nobody decided in time.'), pair('type', 'ApprovalTimeout'),
      pair('reason', 'timeout')), by)
    done(run)
  elseif state == 'expanded' then
    sub_ended(run, task)
    done(run)
  elseif not run and redis.call('HGET', key('run', run_id), 'state') == 'restoring' then
    redis.call('ZADD', key('timers'), now + 1000, member) -- may be news of a run that it has kept
  end
end

for _, run_id in ipairs(redis.call('ZRANGEBYSCORE', key('deadlines'), '-inf', now, 'LIMIT', 0, limit)) do
  if spent >= MAX_ITEMS then break end
  redis.call('ZREM', key('deadlines'), run_id)
  local run = open(run_id)
  if run and not run.stopped and not run.settled then
    if run.state == 'pending' or run.state == 'running' then
      run.state = 'error'
      emit(run, 'run.failed', nil, nil, object(pair('reason', 'deadline'), call_hook(run, 'failure', by) or ''))
    end
    emit(run, 'run.stopped', nil, nil, object(pair('reason', 'deadline')))
    stop(run, run)
    done(run)
  end
end

local following = 0
for _, kind in ipairs({'timers', 'deadlines'}) do
  local first = redis.call('ZRANGE', key(kind), 0, 0, 'WITHSCORES')
  if first[2] and (following == 0 or tonumber(first[2]) < following) then following = tonumber(first[2]) end
end
return {'ok', #items > 0 and cjson.encode(items) or '[]', following}
