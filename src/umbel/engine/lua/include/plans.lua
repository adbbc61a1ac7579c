-- plans: which plans a run holds on to: its own, those of the runs that it may start, those that these may start.

local function plans_of(plan)
  local found, seen, at = {plan}, {[plan] = true}, 1
  while found[at] do
    for sub in string.gmatch(redis.call('HGET', key('plan', found[at]), 'subs') or '', '[^,]+') do
      if not seen[sub] then
        seen[sub] = true
        found[#found + 1] = sub
      end
    end
    at = at + 1
  end
  return found
end

-- A run holds on to its plans no longer; one that nobody uses goes after a while.
local function let_go_plans(plan, plan_ttl_ms)
  for _, each in ipairs(plans_of(plan)) do
    if redis.call('HINCRBY', key('plan', each), 'runs', -1) <= 0 then redis.call('PEXPIRE', key('plan', each), plan_ttl_ms) end
  end
end
