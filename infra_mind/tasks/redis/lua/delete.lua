-- Removes an assessment and its ended tasks; an active one is asked to cancel, the rest goes when it ends.
-- KEYS[9] assessment  KEYS[10] runs. ARGV: tenant, assessment. Computed: everything of its tasks.
local tenant, id = ARGV[1], ARGV[2]
local assessment = record(KEYS[9])
if not assessment or assessment.tenant ~= tenant or assessment.deleted then return { 'NOT_FOUND' } end
local active = assessment.status == 'in_progress' and load_task(assessment.task) or nil
if not active then
  remove_assessment(tenant, id)
  return { 'OK', '' }
end
for _, task in ipairs(redis.call('ZRANGE', KEYS[10], 0, -1)) do
  if task ~= active.id then
    remove_task(tenant, task)
    redis.call('ZREM', KEYS[10], task)
  end
end
redis.call('HSET', KEYS[9], 'deleted', '1')
redis.call('ZREM', key('assessments', tenant), id)
request_cancel(active)
return { 'OK', active.id }
