-- What every script shares. It stands in front of each of them; `C` (limits, prefix) is put before it by scripts.py.
--
-- House keys, the first eight KEYS of every script (keys.py: HOUSE):
--   KEYS[1] <p>leases         zset   task id -> end of its lease, ms        exists while something runs
--   KEYS[2] <p>retrying       set    ids of tasks in state RETRY            exists while something retries
--   KEYS[3] <p>counters       hash   accepted, ended:*, us:*, run:*, failed:*   for ever
--   KEYS[4] <p>trim           zset   listing member -> when its record goes renewed expiry
--   KEYS[5..8] <p>queue:critical|high|medium|low  zset  task id -> enqueued, microseconds   while something waits
--
-- Computed keys: of tasks that a script finds inside (claim, delete), and of the assessment and tenant a task names.
--   <p>task:<task>            hash   the record; no expiry until its end, then result + tombstone
--   <p>kept:<task>            hash   step -> inputs_hash \n packed data     expires with the result
--   <p>result:<task>          string packed result                          expires with the result
--   <p>events:<task>          stream changes; the PENDING event is derived from `created`, so a waiting task has none
--   <p>assessment:<id>        hash   the record                             draft or result expiry, none while active
--   <p>input:<id>             string packed input                           as the record
--   <p>runs:<id>              zset   its tasks -> created, microseconds     as the record
--   <p>tenant:<tenant>        hash   queued                                 exists while something waits
--   <p>expired:<assessment>   string its tenant, of one that ended          result + tombstone
--   <p>objects                zset   name of an object -> due for removal, ms; +inf while its task runs   while there are any
--   <p>condemned              zset   name of an object that is being removed -> handed out again, ms      while there are any
--   <p>tasks:<tenant>, <p>assessments:<tenant>  zset  id -> created, microseconds   renewed expiry

local LEASES, RETRYING, COUNTERS, TRIM = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local QUEUES = { critical = KEYS[5], high = KEYS[6], medium = KEYS[7], low = KEYS[8] }
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
      agent.state, agent.attempt, agent.ended = 'WAITING', 0, nil
      set_agent(task, name, agent, changed)
    end
  end
end

local function close_agents(task, state, changed)
  for _, name in ipairs(task.names) do
    local agent = agent_of(task, name)
    if not FINAL[agent.state] then
      agent.state = (state == 'FAILURE' and agent.state == 'WAITING') and 'SKIPPED' or 'REVOKED'
      agent.ended = NOW
      set_agent(task, name, agent, changed)
      count_run(name, agent.state)
    end
  end
end

local function count_queued(tenant, by)
  local name = key('tenant', tenant)
  if redis.call('HINCRBY', name, 'queued', by) <= 0 then redis.call('DEL', name) end
end

local function enqueue(task, score)
  redis.call('ZADD', QUEUES[task.priority], int(score), task.id)
  count_queued(task.tenant, 1)
end

local function dequeue(task)
  if redis.call('ZREM', QUEUES[task.priority], task.id) == 1 then count_queued(task.tenant, -1) end
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

local function remove_task(tenant, id)
  local task = record(key('task', id)) or {}
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
  if state ~= 'SUCCESS' then close_agents(task, state, changed) end
  redis.call('ZREM', LEASES, task.id)
  redis.call('SREM', RETRYING, task.id)
  write(task, 'state', state, 'step', words.step, 'message', words.message, 'ended', int(NOW), 'updated', int(NOW),
    'expires', int(NOW + C.result_ttl), 'progress', state == 'SUCCESS' and '100' or mean_progress(task))
  write(task, 'end_event', emit(task, 'end', changed))
  redis.call('HINCRBY', COUNTERS, 'ended:' .. state, 1)
  local assessment = record(key('assessment', task.assessment))
  if assessment and assessment.deleted then return remove_assessment(task.tenant, task.assessment) end
  if assessment and assessment.task == task.id then
    redis.call('HSET', key('assessment', task.assessment), 'status', words.status, 'updated', int(NOW))
  end
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
