-- Keeps one step's result, with the agent's DONE, event and counters.
-- KEYS[9] task  KEYS[10] kept
-- ARGV: task, fence, step, inputs_hash, packed data, agent ('' for none), attempt, note, reason, microseconds,
--       name of the data's object or ''
local task = load_task(ARGV[1])
local step, inputs_hash, name, object = ARGV[3], ARGV[4], ARGV[6], ARGV[11]
local kind = 'kept:' .. step
if not holds(task, ARGV[2]) then
  refuse_object(task, kind, object)
  return 'stale'
end

local before = redis.call('HGET', KEYS[10], step)
local object_before = task['object:' .. kind] or ''
if before and string.sub(before, 1, #inputs_hash + 1) == inputs_hash .. '\n' then
  refuse_object(task, kind, object)
  return 'done'
end
if not commit_object(task, kind, object) then
  refuse_object(task, kind, object)
  return 'stale'
end
if object_before ~= object then
  object_due(object_before, int(NOW))
  if object == '' then redis.call('HDEL', KEYS[9], 'object:' .. kind) end
end
redis.call('HSET', KEYS[10], step, inputs_hash .. '\n' .. ARGV[5])

local changed = {}
if name ~= '' then
  redis.call('HINCRBY', COUNTERS, 'us:' .. name, ARGV[10])
  local agent = agent_of(task, name)
  count_run(name, 'DONE')
  if not FINAL[agent.state] then
    -- a short step was never told as running: its start is reckoned from how long it ran
    agent.started = agent.started or math.floor(NOW - tonumber(ARGV[10]) / 1000)
    agent.state, agent.progress, agent.ended = 'DONE', 100, NOW
    agent.retry = nil
    agent.attempt, agent.note, agent.reason = tonumber(ARGV[7]), ARGV[8], ARGV[9]
    set_agent(task, name, agent, changed)
  end
end
local retrying = false
for _, one in ipairs(task.names) do retrying = retrying or agent_of(task, one).state == 'RETRY' end
redis.call(retrying and 'SADD' or 'SREM', RETRYING, task.id)
write(task, 'state', retrying and 'RETRY' or 'PROGRESS', 'progress', mean_progress(task), 'step', step,
  'message', ARGV[8], 'updated', int(NOW))
emit(task, name ~= '' and 'agent' or 'progress', changed)
return 'done'
