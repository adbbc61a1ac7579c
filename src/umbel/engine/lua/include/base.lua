-- base: the partition's keys, the clock and the reply. Part of every script.
-- KEYS[1] is the partition's prefix, such as "umbel:{0}:"; its hash tag puts every key of the partition into one slot.
local prefix = KEYS[1]

local function key(kind, id)
  if id then return prefix .. kind .. ':' .. id end
  return prefix .. kind
end

-- Milliseconds of the server's clock; a test freezes it by setting the clock key. No worker's clock is ever asked.
local function clock()
  local frozen = redis.call('GET', key('clock'))
  if frozen then return tonumber(frozen) end
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function csv(list) return table.concat(list, ',') end

-- Members of the ready, timers and leases sets name a task as run:index; the epoch is looked up in the run.
local function split(member)
  local run, task = string.match(member, '^(.*):(%d+)$')
  return run, task
end
