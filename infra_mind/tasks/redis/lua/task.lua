-- One task as it is now, with its place in the queue: -1 when it does not wait there, when nobody asked for it, and when counting
-- would hold up the store. KEYS[9] task. ARGV: task, '1' for the place
--
-- The place is exact if nobody comes or goes. The k-th waiting task of a tenant (k from 0) has its turn at turn + k * stride +
-- lead, or when the one before it has, if that is later. Between C.lead_span below a turn and that turn each task is looked at;
-- what is further below comes first whatever its priority is, what is above comes later.
local flat = redis.call('HGETALL', KEYS[9])
if #flat == 0 or ARGV[2] ~= '1' then return { flat, -1, int(NOW) } end
local tenant, priority = unpack(redis.call('HMGET', KEYS[9], 'tenant', 'priority'))
local rank = redis.call('ZRANK', key('waiting', tenant), ARGV[1])
if not rank then return { flat, -1, int(NOW) } end

local looks = C.looks

-- Turns of the tasks `from` to `to` of a tenant, in order, until `visit` says stop.
local function each_turn(name, turn, from, to, visit)
  local stride = stride_of(name)
  looks = looks - 2 - math.max(0, to - from + 1)
  if looks < 0 then return 0 end
  for i, id in ipairs(redis.call('ZRANGE', key('waiting', name), from, to)) do
    local lead = C.lead[redis.call('HGET', key('task', id), 'priority')]
    if visit(turn + (from + i - 1) * stride + lead) then return from + i - 1 end
  end
  return to + 1
end

local own_turn, own = turn_of(tenant), 0
if not redis.call('ZSCORE', TURNS, tenant) then own_turn = math.max(own_turn, clock()) end
local from = math.max(0, rank - math.ceil(C.lead_span / stride_of(tenant)))
each_turn(tenant, own_turn, from, rank, function(turn) own = math.max(own, turn) end)

local ahead = rank
for _, other in ipairs(redis.call('ZRANGE', TURNS, 0, -1)) do
  if other ~= tenant and looks >= 0 then
    local turn, stride = turn_of(other), stride_of(other)
    local waiting = redis.call('ZCARD', key('waiting', other))
    local sure = math.min(waiting, math.max(0, math.ceil((own - C.lead_span - turn) / stride)))
    local last = math.min(waiting - 1, sure + math.ceil(C.lead_span / stride) + 1)
    ahead = ahead + each_turn(other, turn, sure, last, function(at) return at > own or (at == own and other > tenant) end)
  end
end
return { flat, looks >= 0 and ahead + 1 or -1, int(NOW) }
