-- The deliveries of one task, oldest first. Nothing for an unknown task, or one of another tenant.
-- KEYS[9] task  KEYS[10] <p>webhooks:<task>. Computed: <p>webhook:<id> of each. ARGV: tenant, most
-- Answers 0, or {id, hash} each.
if redis.call('HGET', KEYS[9], 'tenant') ~= ARGV[1] then return 0 end
local rows = {}
for _, id in ipairs(redis.call('LRANGE', KEYS[10], -tonumber(ARGV[2]), -1)) do
  local flat = redis.call('HGETALL', key('webhook', id))
  if #flat > 0 then rows[#rows + 1] = { id, flat } end
end
return rows
