-- What every script shares. It stands in front of each of them; `C` (limits, prefix) is put before it by scripts.py.
--
-- House keys, the first eight KEYS of every script (keys.py: HOUSE):
--   KEYS[1] <p>leases         zset   task id -> end of its lease, ms        exists while something runs
--   KEYS[2] <p>retrying       set    ids of tasks in state RETRY            exists while something retries
--   KEYS[3] <p>counters       hash   accepted, ended:*, us:*, run:*, failed:*, webhook:*, clock, entered, heard, quiet   for ever
--   KEYS[4] <p>trim           zset   listing member -> when its record goes renewed expiry
--   KEYS[5..8] <p>queue:critical|high|medium|low  zset  task id -> enqueued, microseconds   while something waits (its numbers)
--
-- Computed keys: of tasks that a script finds inside (claim, delete), and of the assessment and tenant a task names.
--   <p>turns                  zset   tenant -> turn of its next task        while a tenant waits that may run more
--   <p>delayed                zset   task id -> when it joins the queue, ms while something is delayed
--   <p>task:<task>            hash   the record; no expiry until its end, then result + tombstone
--   <p>kept:<task>            hash   step -> inputs_hash \n packed data     expires with the result
--   <p>result:<task>          string packed result                          expires with the result
--   <p>events:<task>          stream changes; the PENDING event is derived from `created`, so a waiting task has none
--   <p>assessment:<id>        hash   the record                             draft or result expiry, none while active
--   <p>input:<id>             string packed input                           as the record
--   <p>outbox                 zset   tenant, '' for alerts -> turn of its next delivery, microseconds     while something is to be told
--   <p>outbox:<tenant>        zset   webhook id -> when it is due, or the end of its lease, ms             while something of it is to be told
--   <p>webhook:<webhook id>   hash   one delivery and its log; no expiry until it has ended, then as the result
--   <p>webhooks:<task>        list   ids of its deliveries                  expires with the last of them
--   <p>gone:<tenant>:<sha1 of a URL>  string  a receiver said 410           as a result
--   <p>runs:<id>              zset   its tasks -> created, microseconds     as the record
--   <p>waiting:<tenant>       zset   task id -> enqueued + handicap, microseconds: the order of its claims   while something waits
--   <p>tenant:<tenant>        hash   queued, running, turn                  expires when nothing of it waits or runs
--   <p>policy:<tenant>        hash   weight, max_running, max_queued where its newest API key says so; for ever
--   <p>expired:<assessment>   string its tenant, of one that ended          result + tombstone
--   <p>objects                zset   name of an object -> due for removal, ms; +inf while its task runs   while there are any
--   <p>condemned              zset   name of an object that is being removed -> handed out again, ms      while there are any
--   <p>tasks:<tenant>, <p>assessments:<tenant>  zset  id -> created, microseconds   renewed expiry

local LEASES, RETRYING, COUNTERS, TRIM = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local QUEUES = { critical = KEYS[5], high = KEYS[6], medium = KEYS[7], low = KEYS[8] }
local TURNS, DELAYED = C.prefix .. 'turns', C.prefix .. 'delayed'
local PRIORITIES = { 'critical', 'high', 'medium', 'low' }
local FINAL = { DONE = true, FAILED = true, SKIPPED = true, REVOKED = true }
local ENDED = { SUCCESS = true, FAILURE = true, REVOKED = true }
local RUNNING = { STARTED = true, PROGRESS = true, RETRY = true }

local clock = redis.call('TIME')
local NOW_US = tonumber(clock[1]) * 1000000 + tonumber(clock[2])
local NOW = math.floor(NOW_US / 1000)

local function int(number) return string.format('%.0f', number) end
local function key(kind, id) return C.prefix .. kind .. ':' .. id end

local function record(name)
  local flat = redis.call('HGETALL', name)
  if #flat == 0 then return nil end
  local fields = {}
  for i = 1, #flat, 2 do fields[flat[i]] = flat[i + 1] end
  return fields
end

local function load_task(id)
  local task = record(key('task', id))
  if task then task.id = id; task.names = cjson.decode(task.agents) end
  return task
end

-- Sets fields of the task, given as name, value, name, value, ...
local function write(task, ...)
  local fields = { ... }
  redis.call('HSET', key('task', task.id), unpack(fields))
  for i = 1, #fields, 2 do task[fields[i]] = fields[i + 1] end
end

local function agent_of(task, name)
  local raw = task['agent:' .. name]
  if raw then return cjson.decode(raw) end
  return { state = 'WAITING', progress = 0, attempt = 0, note = '', reason = '' }
end

-- Notes that the dispatchers reach the server. After a silence of half a lease nobody could renew for a while (cut off, or the server
-- stood still): then, as after its start, the holders come first for a while.
local function hear()
  local heard = redis.call('HMGET', COUNTERS, 'heard', 'quiet')
  if heard[1] and NOW - tonumber(heard[1]) > C.lease / 2 then
    heard[2] = int(NOW + C.grace)
    redis.call('HSET', COUNTERS, 'quiet', heard[2])
  end
  redis.call('HSET', COUNTERS, 'heard', int(NOW))
  local quiet = tonumber(heard[2] or '0')
  return NOW < quiet and quiet <= NOW + C.grace -- further off only after a clock that went back
end

local function holds(task, fence) return task and RUNNING[task.state] and task.fence == fence end

-- Mean over the agents, two decimals; 100 belongs to SUCCESS alone.
local function mean_progress(task)
  if #task.names == 0 then return '0' end
  local sum = 0
  for _, name in ipairs(task.names) do sum = sum + agent_of(task, name).progress end
  local mean = math.floor(sum / #task.names * 100 + 0.5) / 100
  return tostring(math.min(mean, C.progress_before_end))
end

-- Appends an event; the first entry comes after the derived PENDING event `<created>-0`, whatever the clock did.
local function emit(task, kind, agents)
  local stream = key('events', task.id)
  local id = '*'
  if redis.call('EXISTS', stream) == 0 then id = int(math.max(NOW, tonumber(task.created))) .. '-1' end
  local data = cjson.encode({
    state = task.state, progress = tonumber(task.progress or '0'), agents = agents or {},
    current_step = task.step or '', message = task.message or '',
  })
  return redis.call('XADD', stream, 'MAXLEN', '~', C.events_kept, id, 'type', kind, 'at', int(NOW), 'data', data)
end

local function set_agent(task, name, agent, changed)
  write(task, 'agent:' .. name, cjson.encode(agent))
  changed[name] = agent
end

local function count_run(name, state) redis.call('HINCRBY', COUNTERS, 'run:' .. name .. '\n' .. state, 1) end

-- What ran under a lost lease waits again. Its progress stays: it never goes back except on RETRY.
local function rest_agents(task, changed)
  for _, name in ipairs(task.names) do
    local agent = agent_of(task, name)
    if agent.state == 'RUNNING' or agent.state == 'RETRY' or agent.state == 'FAILED' then
      agent.state, agent.attempt, agent.ended, agent.retry = 'WAITING', 0, nil, nil
      set_agent(task, name, agent, changed)
    end
  end
end

local function close_agents(task, state, changed)
  for _, name in ipairs(task.names) do
    local agent = agent_of(task, name)
    if not FINAL[agent.state] then
      agent.state = (state == 'FAILURE' and agent.state == 'WAITING') and 'SKIPPED' or 'REVOKED'
      agent.ended, agent.retry = NOW, nil
      set_agent(task, name, agent, changed)
      count_run(name, agent.state)
    end
  end
end

-- -- the queue: fair between tenants, by age and priority within one -----------------------------------------------------
--
-- Start-time fair queueing: each claim moves a tenant's turn on by its stride (C.stride over its weight), and the tenant whose
-- next task has the smallest turn comes first. A task of lower priority has its turn later by C.lead. Whoever comes (again)
-- begins at the clock, the turn last given out: nobody saves up turns, nobody can be kept waiting by a flood of another.

local function count(tenant, field, by)
  local name = key('tenant', tenant)
  redis.call('HINCRBY', name, field, by)
  local left = redis.call('HMGET', name, 'queued', 'running')
  if tonumber(left[1] or '0') <= 0 and tonumber(left[2] or '0') <= 0 then
    redis.call('PEXPIRE', name, C.idle_ttl)
  else
    redis.call('PERSIST', name)
  end
end

local function stride_of(tenant)
  local weight = redis.call('HGET', key('policy', tenant), 'weight')
  return math.max(1, math.floor(C.stride / tonumber(weight or '1') + 0.5))
end

local function clock() return tonumber(redis.call('HGET', COUNTERS, 'clock') or '0') end

-- The turn of a tenant that comes: the clock, and a hair after whoever came before it.
local function entrance()
  local at = math.max(clock(), tonumber(redis.call('HGET', COUNTERS, 'entered') or '0')) + 1
  redis.call('HSET', COUNTERS, 'entered', int(at))
  return at
end

local function turn_of(tenant) return tonumber(redis.call('HGET', key('tenant', tenant), 'turn') or '0') end

local function has_room(tenant)
  local limit = redis.call('HGET', key('policy', tenant), 'max_running')
  if not limit then return true end
  return tonumber(redis.call('HGET', key('tenant', tenant), 'running') or '0') < tonumber(limit)
end

-- Puts the tenant where its next task belongs, or takes it out when it has none or may not run more.
local function take_place(tenant)
  local head = redis.call('ZRANGE', key('waiting', tenant), 0, 0)[1]
  if not head or not has_room(tenant) then return redis.call('ZREM', TURNS, tenant) end
  local turn = turn_of(tenant)
  if not redis.call('ZSCORE', TURNS, tenant) then
    turn = math.max(turn, entrance())
    redis.call('HSET', key('tenant', tenant), 'turn', int(turn))
  end
  redis.call('ZADD', TURNS, int(turn + C.lead[redis.call('HGET', key('task', head), 'priority')]), tenant)
end

-- Joins the queue of its tenant; `score`: since when it waits, microseconds.
local function line_up(task, score)
  local waiting = key('waiting', task.tenant)
  redis.call('ZADD', QUEUES[task.priority], int(score), task.id)
  redis.call('ZADD', waiting, int(score + C.handicap[task.priority] * 1000), task.id)
  local behind = redis.call('ZRANK', waiting, task.id) > 0
  if not (behind and redis.call('ZSCORE', TURNS, task.tenant)) then take_place(task.tenant) end
end

local function enqueue(task, score)
  count(task.tenant, 'queued', 1)
  line_up(task, score)
end

-- Waits for its time first.
local function delay(task, due)
  redis.call('ZADD', DELAYED, int(due), task.id)
  count(task.tenant, 'queued', 1)
end

local function dequeue(task)
  if redis.call('ZREM', QUEUES[task.priority], task.id) == 1 then
    redis.call('ZREM', key('waiting', task.tenant), task.id)
    count(task.tenant, 'queued', -1)
    take_place(task.tenant)
  elseif redis.call('ZREM', DELAYED, task.id) == 1 then
    count(task.tenant, 'queued', -1)
  end
end

-- What runs counts against its tenant: `by` 1 or -1.
local function count_running(tenant, by)
  count(tenant, 'running', by)
  take_place(tenant)
end

-- Takes the next task out of the queue and charges its tenant; nil when nothing waits that may run.
local function pop_next()
  local tenant = redis.call('ZRANGE', TURNS, 0, 0)[1]
  if not tenant then return nil end
  local id = redis.call('ZPOPMIN', key('waiting', tenant))[1]
  local turn = turn_of(tenant)
  if turn > clock() then redis.call('HSET', COUNTERS, 'clock', int(turn)) end
  redis.call('HSET', key('tenant', tenant), 'turn', int(turn + stride_of(tenant)))
  count(tenant, 'queued', -1)
  take_place(tenant)
  local task = load_task(id)
  if task then redis.call('ZREM', QUEUES[task.priority], id) end
  return task
end

-- Weight and limits of a tenant as its newest API key says; none of them when it has no key any more.
local function take_policy(tenant, keys)
  local newest
  for _, raw in ipairs(redis.call('HVALS', keys)) do
    local one = cjson.decode(raw)
    if one.tenant == tenant then
      local age = one.created_at .. one.key_id
      if not newest or age > newest.age then newest = { age = age, key = one } end
    end
  end
  redis.call('DEL', key('policy', tenant))
  for _, field in ipairs(newest and { 'weight', 'max_running', 'max_queued' } or {}) do
    local value = newest.key[field]
    local said = value and value ~= cjson.null and not (field == 'weight' and value == 1)
    if said then redis.call('HSET', key('policy', tenant), field, tostring(value)) end
  end
  take_place(tenant)
end

-- A listing (`tasks` or `assessments` of a tenant) and the moment its member may be dropped.
local function list_in(kind, tenant, score, id)
  local index = key(kind, tenant)
  redis.call('ZADD', index, int(score), id)
  redis.call('PEXPIRE', index, C.index_ttl)
end

local function trim_at(kind, tenant, id, at)
  redis.call('ZADD', TRIM, int(at), kind .. '\n' .. tenant .. '\n' .. id)
  redis.call('PEXPIRE', TRIM, C.index_ttl)
end

-- Objects (stowage.py): noted when about to be written, committed by keep or finish, due when nothing needs them any more.
local OBJECTS, CONDEMNED = C.prefix .. 'objects', C.prefix .. 'condemned'

local function object_due(name, at)
  if name ~= '' then redis.call('ZADD', OBJECTS, 'XX', at, name) end
end

-- Whether the task may point to it: not when it was condemned meanwhile. `kind`: result, or kept:<step>.
local function commit_object(task, kind, name)
  if name == '' then return true end
  if not redis.call('ZSCORE', OBJECTS, name) then return false end
  object_due(name, '+inf')
  write(task, 'object:' .. kind, name)
  return true
end

-- One that was written and not committed is due at once, whoever had listed it or forgotten it before.
local function refuse_object(task, kind, name)
  if name ~= '' and not (task and task['object:' .. kind] == name) then
    redis.call('ZADD', OBJECTS, int(NOW), name)
  end
end

local function objects_due(task, at)
  for field, name in pairs(task) do
    if string.sub(field, 1, 7) == 'object:' then object_due(name, int(at)) end
  end
end

-- The outbox: a delivery is due at its time, a tenant when its first delivery is. Whoever is due takes turns: one delivery each,
-- and whoever was served comes after all that are due by then. So nobody is hidden behind the backlog of another.
local OUTBOX = C.prefix .. 'outbox'

-- Puts the tenant where its next delivery belongs, or takes it out when it has none. `served`: one of it was handed out, or ended,
-- in its turn.
local function take_delivery_turn(tenant, served)
  local first = redis.call('ZRANGE', key('outbox', tenant), 0, 0, 'WITHSCORES')[2]
  if not first then return redis.call('ZREM', OUTBOX, tenant) end
  local before = served and NOW_US or tonumber(redis.call('ZSCORE', OUTBOX, tenant) or '0')
  redis.call('ZADD', OUTBOX, int(math.max(tonumber(first) * 1000, math.min(before, NOW_US))), tenant)
end

local function post(tenant, id, due)
  redis.call('ZADD', key('outbox', tenant), int(due), id)
  take_delivery_turn(tenant)
end

local function unpost(tenant, id)
  redis.call('ZREM', key('outbox', tenant), id)
  take_delivery_turn(tenant)
end

-- Puts the end of a task into the outbox, if its start asked for that. The id is of this end alone: `end_event` is new at each.
local function tell_end(task, status)
  local url = cjson.decode(task.options).webhook_url
  if not url or url == cjson.null then return end
  local id = 'msg_' .. redis.sha1hex(task.id .. '\n' .. task.end_event)
  local error_type = task.state ~= 'SUCCESS' and task.error_type or ''
  redis.call('HSET', key('webhook', id), 'tenant', task.tenant, 'task', task.id, 'assessment', task.assessment, 'url', url,
    'task_state', task.state, 'status', status, 'error_type', error_type, 'at', int(NOW), 'state', 'pending',
    'attempt', '0', 'due', int(NOW))
  redis.call('RPUSH', key('webhooks', task.id), id)
  redis.call('PERSIST', key('webhooks', task.id))
  post(task.tenant, id, NOW)
end

-- Ends a delivery; what is known of it stays as long as a result.
local function end_webhook(id, webhook, state)
  redis.call('HSET', key('webhook', id), 'state', state)
  redis.call('HDEL', key('webhook', id), 'due')
  redis.call('PEXPIRE', key('webhook', id), C.result_ttl)
  unpost(webhook.tenant, id)
  redis.call('HINCRBY', COUNTERS, 'webhook:' .. state, 1)
  for _, other in ipairs(redis.call('LRANGE', key('webhooks', webhook.task), 0, -1)) do
    if redis.call('HGET', key('webhook', other), 'state') == 'pending' then return end
  end
  redis.call('PEXPIRE', key('webhooks', webhook.task), C.result_ttl)
end

local function remove_task(tenant, id)
  local task = record(key('task', id)) or {}
  for _, webhook in ipairs(redis.call('LRANGE', key('webhooks', id), 0, -1)) do
    redis.call('UNLINK', key('webhook', webhook))
    unpost(tenant, webhook)
  end
  redis.call('UNLINK', key('webhooks', id))
  redis.call('UNLINK', key('task', id), key('kept', id), key('result', id))
  objects_due(task, NOW)
  redis.call('PEXPIRE', key('events', id), C.deleted_events_ttl) -- open streams still see the end
  redis.call('ZREM', key('tasks', tenant), id)
  redis.call('ZREM', TRIM, 'tasks\n' .. tenant .. '\n' .. id)
end

local function remove_assessment(tenant, id)
  for _, task in ipairs(redis.call('ZRANGE', key('runs', id), 0, -1)) do remove_task(tenant, task) end
  redis.call('UNLINK', key('assessment', id), key('input', id), key('runs', id), key('expired', id))
  redis.call('ZREM', key('assessments', tenant), id)
  redis.call('ZREM', TRIM, 'assessments\n' .. tenant .. '\n' .. id)
end

local function expire_ended(task, assessment)
  for _, kind in ipairs({ 'kept', 'result', 'events' }) do
    redis.call('PEXPIRE', key(kind, task.id), C.result_ttl)
  end
  redis.call('PEXPIRE', key('task', task.id), C.result_ttl + C.tombstone)
  objects_due(task, NOW + C.result_ttl)
  list_in('tasks', task.tenant, tonumber(task.listed), task.id)
  trim_at('tasks', task.tenant, task.id, NOW + C.result_ttl + C.tombstone)
  if not assessment or assessment.task ~= task.id then return end
  for _, kind in ipairs({ 'assessment', 'input', 'runs' }) do
    redis.call('PEXPIRE', key(kind, task.assessment), C.result_ttl)
  end
  redis.call('SET', key('expired', task.assessment), task.tenant, 'PX', C.result_ttl + C.tombstone)
  list_in('assessments', task.tenant, tonumber(assessment.listed), task.assessment)
  trim_at('assessments', task.tenant, task.assessment, NOW + C.result_ttl)
end

-- The one way a task ends. `words`: step, message, status (of the assessment); error fields are written before.
local function end_task(task, state, words, changed)
  if task.state == 'PENDING' then dequeue(task) end
  if RUNNING[task.state] then count_running(task.tenant, -1) end
  if state ~= 'SUCCESS' then close_agents(task, state, changed) end
  redis.call('ZREM', LEASES, task.id)
  redis.call('SREM', RETRYING, task.id)
  write(task, 'state', state, 'status', words.status, 'step', words.step, 'message', words.message, 'ended', int(NOW), 'updated', int(NOW),
    'expires', int(NOW + C.result_ttl), 'progress', state == 'SUCCESS' and '100' or mean_progress(task))
  write(task, 'end_event', emit(task, 'end', changed))
  redis.call('HINCRBY', COUNTERS, 'ended:' .. state, 1)
  local assessment = record(key('assessment', task.assessment))
  if assessment and assessment.deleted then return remove_assessment(task.tenant, task.assessment) end
  if assessment and assessment.task == task.id then
    redis.call('HSET', key('assessment', task.assessment), 'status', words.status, 'updated', int(NOW))
  end
  tell_end(task, words.status)
  expire_ended(task, assessment)
end

local function revoke(task, changed)
  end_task(task, 'REVOKED', { step = 'cancelled', message = C.words.cancelled, status = 'cancelled' }, changed or {})
end

-- Asks a task to stop; returns its state after. One that nobody runs has ended when this returns.
local function request_cancel(task)
  if task.state == 'PENDING' then
    write(task, 'cancel', '1')
    revoke(task)
    return task.state
  end
  if not task.cancel then
    write(task, 'cancel', '1', 'message', C.words.cancelling, 'updated', int(NOW))
    emit(task, 'state')
  end
  redis.call('PUBLISH', C.prefix .. 'signals', 'cancel:' .. task.id) -- again when asked again: signals may be lost
  return task.state
end

-- -- accepting: what every way to a new task shares ----------------------------------------------------------------------

-- What an earlier call with this idempotency key, or with this task id, was answered; nil when there was none. The same key with
-- other options, or for another replay, is not the same call.
local function seen_before(tenant, assessment_id, id, idempotency, options, replay_of)
  local seen = idempotency and redis.call('GET', idempotency)
  if seen then
    local seen_assessment, seen_task = string.match(seen, '^(.-)\n(.*)$')
    if seen_assessment ~= assessment_id then return { 'CONFLICT_KEY' } end
    local asked = redis.call('HMGET', key('task', seen_task), 'options', 'replay_of')
    if asked[1] then
      if asked[1] ~= options or (asked[2] or '') ~= replay_of then return { 'CONFLICT_CALL' } end
      return { 'OK', seen_task, seen_task == id and 1 or 0 }
    end
  end
  local known = redis.call('HMGET', key('task', id), 'tenant', 'assessment')
  if not known[1] then return nil end
  if known[1] ~= tenant or known[2] ~= assessment_id then return { 'CONFLICT_ID' } end
  if redis.call('HEXISTS', key('assessment', assessment_id), 'deleted') == 1 then return { 'NOT_FOUND' } end
  return { 'OK', id, 1 }
end

-- Why this tenant may not start a task of this assessment now; nil when it may.
local function refusal(tenant, assessment)
  if not assessment or assessment.tenant ~= tenant or assessment.deleted then return { 'NOT_FOUND' } end
  if assessment.status == 'in_progress' then return { 'CONFLICT_ACTIVE', assessment.task } end
  local limit = redis.call('HGET', key('policy', tenant), 'max_queued') or C.max_queued
  if tonumber(redis.call('HGET', key('tenant', tenant), 'queued') or '0') >= tonumber(limit) then
    return { 'TOO_MANY' }
  end
  return nil
end

-- Makes the task: record, queue, listings, counters, assessment -> in_progress. `due`: ms, or nil for at once.
local function admit(task, assessment, options, agents, due, idempotency)
  local tenant, id = task.tenant, task.id
  redis.call('HSET', key('task', id), 'tenant', tenant, 'assessment', task.assessment, 'name', assessment.name,
    'state', 'PENDING', 'priority', task.priority, 'created', int(NOW), 'listed', int(NOW_US), 'score', int(NOW_US),
    'attempt', '0', 'fence', '0', 'options', options, 'agents', agents)
  if due and due > NOW then
    redis.call('HSET', key('task', id), 'not_before', int(due), 'step', C.words.delayed_step, 'message', C.words.delayed)
    delay(task, due)
  else
    enqueue(task, NOW_US)
    redis.call('PUBLISH', C.prefix .. 'signals', 'work')
  end
  redis.call('HSET', key('assessment', task.assessment), 'status', 'in_progress', 'task', id, 'updated', int(NOW))
  redis.call('ZADD', key('runs', task.assessment), int(NOW_US), id)
  for _, kind in ipairs({ 'assessment', 'input', 'runs' }) do redis.call('PERSIST', key(kind, task.assessment)) end
  redis.call('ZREM', TRIM, 'assessments\n' .. tenant .. '\n' .. task.assessment) -- set again when the task ends
  list_in('tasks', tenant, NOW_US, id)
  list_in('assessments', tenant, tonumber(assessment.listed), task.assessment)
  redis.call('HINCRBY', COUNTERS, 'accepted', 1)
  if idempotency then redis.call('SET', idempotency, task.assessment .. '\n' .. id, 'PX', C.idempotency_ttl) end
end

-- What another task kept, for a new one to begin with. An object goes with the task that wrote it: such a step is done again.
local function copy_kept(old, id)
  redis.call('COPY', key('kept', old.id), key('kept', id))
  redis.call('PERSIST', key('kept', id))
  for field in pairs(old) do
    local step = string.match(field, '^object:kept:(.+)$')
    if step then redis.call('HDEL', key('kept', id), step) end
  end
end
