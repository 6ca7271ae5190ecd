-- The one terminal commit. The same commit again under the same fence is DONE and changes nothing.
-- KEYS[9] task  KEYS[10] result
-- ARGV: task, fence, state, packed result or '', status of the assessment, step, message, error type or '', error message,
--       error attempt, name of the result's object or ''
local task = load_task(ARGV[1])
local fence, state, object = ARGV[2], ARGV[3], ARGV[11]
if task and task.finished_by == fence and task.state == state then return 'done' end
local refusal = (not holds(task, fence) and 'stale') or (state == 'SUCCESS' and task.cancel and 'cancelled')
if not refusal and not commit_object(task, 'result', object) then refusal = 'stale' end
if refusal then
  refuse_object(task, 'result', object)
  return refusal
end

if ARGV[8] ~= '' then
  write(task, 'error_type', ARGV[8], 'error_message', ARGV[9], 'error_attempt', ARGV[10])
end
write(task, 'finished_by', fence)
if state == 'SUCCESS' then redis.call('SET', KEYS[10], ARGV[4]) end
end_task(task, state, { status = ARGV[5], step = ARGV[6], message = ARGV[7] }, {})
return 'done'
