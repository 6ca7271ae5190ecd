-- Hands out deliveries that are due: each under the next attempt and a lease.
-- KEYS: the house keys. Computed: <p>outbox, <p>webhook:<id> and <p>gone:... of what it finds.
-- ARGV: limit, lease in ms, most attempts, most of one tenant, most to look through, then tenant, number in flight, ...
local limit, lease, most_attempts = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local per_tenant, scanned = tonumber(ARGV[4]), tonumber(ARGV[5])
local taken, found = {}, {}
for i = 6, #ARGV, 2 do taken[ARGV[i]] = tonumber(ARGV[i + 1]) end

local function take(id, member, webhook)
  local attempt = int(tonumber(webhook.attempt) + 1)
  redis.call('HSET', key('webhook', id), 'attempt', attempt)
  redis.call('ZADD', outbox(), int(NOW + lease), member)
  found[#found + 1] = { id, webhook.tenant, webhook.task, webhook.assessment, webhook.url, webhook.task_state, webhook.status,
    webhook.error_type, webhook.at, attempt }
end

local function take_or_end(id, member, webhook)
  if redis.call('EXISTS', key('gone', webhook.tenant .. ':' .. redis.sha1hex(webhook.url))) == 1 then
    return end_webhook(id, webhook, 'disabled')
  end
  if tonumber(webhook.attempt) >= most_attempts then return end_webhook(id, webhook, 'failed') end
  taken[webhook.tenant] = (taken[webhook.tenant] or 0) + 1
  take(id, member, webhook)
end

for _, member in ipairs(redis.call('ZRANGEBYSCORE', outbox(), '-inf', int(NOW), 'LIMIT', 0, scanned)) do
  if #found >= limit then break end
  local tenant, id = string.match(member, '^(.*)\n(.-)$')
  if (taken[tenant] or 0) < per_tenant then
    local webhook = record(key('webhook', id))
    if webhook then take_or_end(id, member, webhook) else redis.call('ZREM', outbox(), member) end
  end
end
return found
