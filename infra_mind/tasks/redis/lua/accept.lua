-- Accepts a task: record, queue, counters, assessment -> in_progress, in one step. The same task id again is the same accept.
-- KEYS[9] task  KEYS[10] assessment  KEYS[11] input  KEYS[12] runs of the assessment  KEYS[13] tenant
-- KEYS[14] tasks of the tenant  KEYS[15] idempotency:<tenant>:<sha256>  string  assessment \n task   idempotency expiry
-- ARGV: tenant, assessment, task, priority, options (JSON), agents (JSON), '1' when KEYS[15] is in use
local tenant, assessment_id, id, priority = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local keyed = ARGV[7] == '1'

if keyed then
  local seen = redis.call('GET', KEYS[15])
  if seen then
    local seen_assessment, seen_task = string.match(seen, '^(.-)\n(.*)$')
    if seen_assessment ~= assessment_id then return { 'CONFLICT_KEY' } end
    if redis.call('EXISTS', key('task', seen_task)) == 1 then
      return { 'OK', seen_task, seen_task == id and 1 or 0 }
    end
  end
end

local known = redis.call('HMGET', KEYS[9], 'tenant', 'assessment')
if known[1] then
  if known[1] == tenant and known[2] == assessment_id then return { 'OK', id, 1 } end
  return { 'CONFLICT_ID' }
end

local assessment = record(KEYS[10])
if not assessment or assessment.tenant ~= tenant or assessment.deleted then return { 'NOT_FOUND' } end
if assessment.status == 'in_progress' then return { 'CONFLICT_ACTIVE', assessment.task } end
if tonumber(redis.call('HGET', KEYS[13], 'queued') or '0') >= C.max_queued then return { 'TOO_MANY' } end

local task = {
  id = id, tenant = tenant, assessment = assessment_id, priority = priority, created = int(NOW),
}
redis.call('HSET', KEYS[9], 'tenant', tenant, 'assessment', assessment_id, 'name', assessment.name, 'state', 'PENDING',
  'priority', priority, 'created', task.created, 'listed', int(NOW_US), 'score', int(NOW_US), 'attempt', '0',
  'fence', '0', 'options', ARGV[5], 'agents', ARGV[6])
enqueue(task, NOW_US)
redis.call('HSET', KEYS[10], 'status', 'in_progress', 'task', id, 'updated', task.created)
redis.call('ZADD', KEYS[12], int(NOW_US), id)
for i = 10, 12 do redis.call('PERSIST', KEYS[i]) end
redis.call('ZREM', TRIM, 'assessments\n' .. tenant .. '\n' .. assessment_id) -- set again when the task ends
list_in('tasks', tenant, NOW_US, id)
list_in('assessments', tenant, tonumber(assessment.listed), assessment_id)
redis.call('HINCRBY', COUNTERS, 'accepted', 1)
if keyed then redis.call('SET', KEYS[15], assessment_id .. '\n' .. id, 'PX', C.idempotency_ttl) end
redis.call('PUBLISH', C.prefix .. 'signals', 'work')
return { 'OK', id, 1 }
