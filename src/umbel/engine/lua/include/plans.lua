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
