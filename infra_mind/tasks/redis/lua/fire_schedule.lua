-- Fires one due time of a schedule: assessment, task and the next due time in one step. `save_draft` and `accept` are the scripts of
-- these names, put before this one as functions of (KEYS, ARGV) by scripts.py: a firing is the same start as any other.
-- KEYS: those of accept.lua. Computed: <p>schedule:<id>, <p>schedule-input:<id>, <p>schedules.
-- ARGV: id, due in ms, following due in ms or '', then the ARGV of accept.lua
-- Answers nothing when it is not due then (any more), else the code of the start.
local id, due, following = ARGV[1], ARGV[2], ARGV[3]
local given = { unpack(ARGV, 4) }
local tenant, assessment, task = given[1], given[2], given[3]
local name = key('schedule', id)
local schedule = record(name)
if not schedule or schedule.tenant ~= tenant or schedule.due ~= due or tonumber(due) > NOW then return false end

local function start()
  local drafted = save_draft(
    { [9] = key('assessment', assessment), [10] = key('input', assessment) },
    { 'create', tenant, assessment, schedule.assessment_name, redis.call('GET', key('schedule-input', id)), schedule.files })
  if drafted[1] ~= 'OK' then return drafted[1] end
  local accepted = accept(KEYS, given)
  if accepted[1] ~= 'OK' then remove_assessment(tenant, assessment) end
  return accepted[1]
end

local code = start()
redis.call('HSET', name, 'last_due', due, 'last_fired', int(NOW), 'last_code', code)
if code == 'OK' then redis.call('HSET', name, 'last_assessment', assessment, 'last_task', task) end
redis.call('HINCRBY', COUNTERS, 'schedule:' .. (code == 'OK' and 'fired' or 'refused'), 1)
if following == '' then
  redis.call('HDEL', name, 'due')
  redis.call('ZREM', C.prefix .. 'schedules', id)
else
  redis.call('HSET', name, 'due', following)
  redis.call('ZADD', C.prefix .. 'schedules', following, id)
end
return code
