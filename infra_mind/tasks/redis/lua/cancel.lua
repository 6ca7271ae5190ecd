-- Sets the durable flag; a task that nobody runs is REVOKED in the same step.
-- KEYS[9] task. ARGV: tenant, task. Computed: what the end of a task touches.
local task = load_task(ARGV[2])
if not task or task.tenant ~= ARGV[1] then return { 'NOT_FOUND' } end
if ENDED[task.state] then return { 'CONFLICT', task.state } end
return { 'OK', request_cancel(task) }
