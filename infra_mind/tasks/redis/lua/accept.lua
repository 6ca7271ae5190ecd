-- Accepts a task: record, queue, counters, assessment -> in_progress, in one step. The same task id again is the same accept.
-- KEYS[9] idempotency:<tenant>:<sha256>  string  assessment \n task   idempotency expiry
-- Computed: everything that a new task touches (`admit`), and what the task named last kept.
-- ARGV: tenant, assessment, task, priority, options (JSON), agents (JSON), '1' when KEYS[9] is in use, not before in ms or '',
--       delay in ms or '', task whose kept results it begins with or ''
local task = { tenant = ARGV[1], assessment = ARGV[2], id = ARGV[3], priority = ARGV[4] }
local idempotency = ARGV[7] == '1' and KEYS[9] or nil

local seen = seen_before(task.tenant, task.assessment, task.id, idempotency, ARGV[5], '')
if seen then return seen end
local assessment = record(key('assessment', task.assessment))
local refused = refusal(task.tenant, assessment)
if refused then return refused end

local before = ARGV[10] ~= '' and load_task(ARGV[10]) or nil
if ARGV[10] ~= '' and (not before or before.tenant ~= task.tenant) then return { 'NO_TASK' } end

local due = tonumber(ARGV[8])
if ARGV[9] ~= '' then due = NOW + tonumber(ARGV[9]) end
admit(task, assessment, ARGV[5], ARGV[6], due, idempotency)
if before then copy_kept(before, task.id) end
return { 'OK', task.id, 1 }
