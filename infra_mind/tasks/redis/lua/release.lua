-- Gives a claimed task back at the front of its queue; one that was asked to cancel ends instead.
-- KEYS[9] task. ARGV: task, fence. Computed: what the end of a task touches.
local task = load_task(ARGV[1])
if not holds(task, ARGV[2]) then return 0 end
local changed = {}
rest_agents(task, changed)
if task.cancel then
  revoke(task, changed)
  return 1
end
local score, handicap = tonumber(task.score), C.handicap[task.priority] * 1000
local head = redis.call('ZRANGE', key('waiting', task.tenant), 0, 0, 'WITHSCORES')
if head[2] then score = math.min(score, tonumber(head[2]) - handicap - 1) end
write(task, 'state', 'PENDING', 'attempt', int(tonumber(task.attempt) - 1), 'score', int(score), 'updated', int(NOW),
  'step', C.words.queued_step, 'message', C.words.queued)
redis.call('ZREM', LEASES, task.id)
redis.call('SREM', RETRYING, task.id)
redis.call('HSET', key('tenant', task.tenant), 'turn', int(turn_of(task.tenant) - stride_of(task.tenant))) -- not charged
count(task.tenant, 'running', -1)
enqueue(task, score)
emit(task, 'state', changed)
redis.call('PUBLISH', C.prefix .. 'signals', 'work')
return 1
