-- A new task of the same assessment that begins with what an ended one kept. The same new id again is the same replay.
-- KEYS[9] idempotency:<tenant>:<sha256>  string  assessment \n task   idempotency expiry
-- Computed: everything that a new task touches (`admit`), and what the old one kept.
-- ARGV: tenant, old task, new task, agents (JSON), '1' when KEYS[9] is in use
local tenant, id = ARGV[1], ARGV[3]
local idempotency = ARGV[5] == '1' and KEYS[9] or nil
local old = load_task(ARGV[2])
if not old or old.tenant ~= tenant then return { 'NO_TASK' } end

local seen = seen_before(tenant, old.assessment, id, idempotency, old.options, old.id)
if seen then return seen end
if not ENDED[old.state] or (old.state == 'SUCCESS' and old.status ~= 'partial') then return { 'NOT_FAILED' } end
local assessment = record(key('assessment', old.assessment))
if not assessment or assessment.deleted then return { 'GONE' } end
local refused = refusal(tenant, assessment)
if refused then return refused end

local task = { tenant = tenant, assessment = old.assessment, id = id, priority = old.priority }
admit(task, assessment, old.options, ARGV[4], nil, idempotency)
redis.call('HSET', key('task', id), 'replay_of', old.id)
copy_kept(old, id)
return { 'OK', id, 1 }
