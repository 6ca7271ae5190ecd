-- Hands out up to ARGV[2] tasks: those whose lease ran out, then the queue. Each gets the next fence and a lease.
-- What was delayed until now joins the queue first.
-- The same call again, because its answer was lost, is the same claim: what of it is still held, under the same fences.
-- KEYS[9] <p>claimed:<dispatcher>  string  JSON {call, held: {{task, fence}, ...}} of its newest claim   expires with the lease
-- Computed: everything of the tasks that it finds, and the listings whose members have expired.
-- ARGV: dispatcher, limit, id of the call, '1' when it was sent before
local dispatcher, limit = ARGV[1], tonumber(ARGV[2])
local claims, held = {}, {}
local was_silent

local function hand_out(task)
  redis.call('ZADD', LEASES, int(NOW + C.lease), task.id)
  held[#held + 1] = { task.id, task.fence }
  claims[#claims + 1] = { task.id, task.assessment, task.tenant, task.fence, task.attempt, task.priority,
    task.created, task.options, task.agents, task.cancel or '0' }
end

local function hand_out_again()
  local raw = ARGV[4] == '1' and redis.call('GET', KEYS[9])
  local before = raw and cjson.decode(raw)
  for _, one in ipairs(before and before.call == ARGV[3] and before.held or {}) do
    local task = load_task(one[1])
    if holds(task, one[2]) then hand_out(task) end
  end
end

local function take(task, changed)
  write(task, 'state', 'STARTED', 'fence', int(tonumber(task.fence) + 1), 'attempt', int(tonumber(task.attempt) + 1),
    'started', task.started or int(NOW), 'updated', int(NOW), 'step', 'starting', 'message', C.words.started,
    'dispatcher', dispatcher)
  redis.call('SREM', RETRYING, task.id)
  emit(task, 'state', changed)
  hand_out(task)
end

local function poison(task, changed)
  write(task, 'error_type', 'PoisonTask', 'error_message', C.words.poison, 'error_attempt', task.attempt)
  end_task(task, 'FAILURE', { step = 'failed', message = C.words.poison, status = 'failed' }, changed)
end

local function take_or_end(task, changed)
  if task.cancel then return revoke(task, changed) end
  if tonumber(task.attempt) >= C.max_claims then return poison(task, changed) end
  take(task, changed)
end

-- While the server was away nobody could renew: for a while after its start the holders, who still run the tasks, come first.
local function server_is_young()
  local seconds = string.match(redis.call('INFO', 'server'), 'uptime_in_seconds:(%d+)')
  return tonumber(seconds) * 1000 < C.grace
end

-- No lease is longer than one: further off it ends only after a clock that went back, and its holder may be dead.
local function shorten_leases()
  local off = redis.call('ZRANGEBYSCORE', LEASES, '(' .. int(NOW + C.lease), '+inf', 'LIMIT', 0, C.woken)
  for _, id in ipairs(off) do redis.call('ZADD', LEASES, int(NOW + C.lease), id) end
end

-- Leases first: work that has begun is dearer than work that waits.
local function take_expired()
  local due = redis.call('ZRANGEBYSCORE', LEASES, '-inf', int(NOW), 'LIMIT', 0, limit - #claims)
  if #due > 0 and (was_silent or server_is_young()) then return 0 end
  for _, id in ipairs(due) do
    local task, changed = load_task(id), {}
    if task then
      rest_agents(task, changed)
      take_or_end(task, changed)
    else
      redis.call('ZREM', LEASES, id)
    end
  end
  return #due
end

local function take_queued()
  while #claims < limit do
    local task = pop_next()
    if not task then return end
    take_or_end(task, {})
    if RUNNING[task.state] then count_running(task.tenant, 1) end
  end
end

-- It has waited since its time came, not since it was accepted.
local function wake_delayed()
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', DELAYED, '-inf', int(NOW), 'LIMIT', 0, C.woken)) do
    local due = redis.call('ZSCORE', DELAYED, id)
    redis.call('ZREM', DELAYED, id)
    local task = load_task(id)
    if task then
      write(task, 'score', int(tonumber(due) * 1000), 'step', C.words.queued_step, 'message', C.words.queued,
        'updated', int(NOW))
      line_up(task, tonumber(due) * 1000)
      emit(task, 'state')
    end
  end
end

-- Listings carry no dead members: a few due ones are dropped with every claim.
local function trim_listings()
  for _, member in ipairs(redis.call('ZRANGEBYSCORE', TRIM, '-inf', int(NOW), 'LIMIT', 0, 20)) do
    local kind, tenant, id = string.match(member, '^(%l+)\n(.*)\n(.-)$')
    local left = redis.call('PTTL', key(kind == 'tasks' and 'task' or 'assessment', id))
    if left >= 0 then -- 0: it goes within this millisecond
      redis.call('ZADD', TRIM, int(NOW + left + 1), member)
    else
      redis.call('ZREM', TRIM, member)
      if left == -2 then redis.call('ZREM', key(kind, tenant), id) end
    end
  end
end

was_silent = hear()
hand_out_again()
if #claims > 0 then return claims end
trim_listings()
wake_delayed()
shorten_leases()
while #claims < limit and take_expired() > 0 do end
take_queued()
if #held > 0 then redis.call('SET', KEYS[9], cjson.encode({ call = ARGV[3], held = held }), 'PX', C.lease) end
return claims
