-- Takes progress and states of the agents of one task; one event for all that changed.
-- KEYS[9] task. ARGV: task, then for each update: fence, agent, state, progress, attempt, note, reason, ms to the next
-- attempt or '', milliseconds that the attempt has run (0: unknown). Answers 1 or 0 for each.
local task = load_task(ARGV[1])
local taken, changed, kind = {}, {}, 'progress'
local step, message

local function known(name)
  for _, one in ipairs(task.names) do
    if one == name then return true end
  end
  return false
end

local function apply(agent, name, state, progress, attempt, note, reason, retry_in, ran)
  if agent.state ~= state then kind = 'agent' end
  if state == 'RUNNING' and agent.state ~= 'RUNNING' then agent.started = NOW - ran end
  if ran > 0 and not agent.started then agent.started = NOW - ran end
  agent.progress = state == 'RETRY' and progress or math.max(agent.progress, progress)
  if state == 'DONE' then agent.progress = 100 end
  if FINAL[state] then
    agent.ended = NOW
    if attempt > 0 then count_run(name, state) end -- 0: taken over from another task, nothing ran
  end
  agent.state, agent.attempt, agent.note, agent.reason = state, attempt, note, reason
  agent.retry = state == 'RETRY' and retry_in and NOW + retry_in or nil
end

-- Reports travel through the progress actor, RETRY does not: what was said of an attempt before it failed may come after.
local function late_report(agent, attempt)
  return attempt < agent.attempt or (agent.state == 'RETRY' and attempt == agent.attempt)
end

for i = 2, #ARGV, 9 do
  local name, state, note = ARGV[i + 1], ARGV[i + 2], ARGV[i + 5]
  local agent = holds(task, ARGV[i]) and known(name) and agent_of(task, name)
  local late = state == 'RUNNING' and agent and late_report(agent, tonumber(ARGV[i + 4]))
  if agent and not FINAL[agent.state] and not late then
    apply(agent, name, state, tonumber(ARGV[i + 3]), tonumber(ARGV[i + 4]), note, ARGV[i + 6],
      tonumber(ARGV[i + 7]), tonumber(ARGV[i + 8]))
    set_agent(task, name, agent, changed)
    step, message = name, note
    taken[#taken + 1] = 1
  else
    taken[#taken + 1] = 0
  end
end

local function settle()
  local retrying = false
  for _, name in ipairs(task.names) do retrying = retrying or agent_of(task, name).state == 'RETRY' end
  redis.call(retrying and 'SADD' or 'SREM', RETRYING, task.id)
  write(task, 'state', retrying and 'RETRY' or 'PROGRESS', 'progress', mean_progress(task), 'step', step,
    'message', message, 'updated', int(NOW))
  emit(task, kind, changed)
end

if step then settle() end
return taken
