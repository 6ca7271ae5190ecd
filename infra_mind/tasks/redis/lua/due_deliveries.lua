-- Hands out deliveries that are due: by turns of the tenants, the longest due of each first, each under the next attempt and a lease.
-- KEYS: the house keys. Computed: <p>outbox, <p>outbox:<tenant>, <p>webhook:<id> and <p>gone:... of what it finds.
-- ARGV: limit, lease in ms, most attempts, most of one tenant, most to look at, then tenant, number in flight, ...
local limit, lease, most_attempts = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local per_tenant, looks = tonumber(ARGV[4]), tonumber(ARGV[5])
local taken, found = {}, {}
for i = 6, #ARGV, 2 do taken[ARGV[i]] = tonumber(ARGV[i + 1]) end

local function take(id, webhook)
  local attempt = int(tonumber(webhook.attempt) + 1)
  redis.call('HSET', key('webhook', id), 'attempt', attempt)
  redis.call('ZADD', key('outbox', webhook.tenant), int(NOW + lease), id)
  taken[webhook.tenant] = (taken[webhook.tenant] or 0) + 1
  found[#found + 1] = { id, webhook.tenant, webhook.task, webhook.assessment, webhook.url, webhook.task_state, webhook.status,
    webhook.error_type, webhook.at, attempt, webhook.alert or '' }
end

local function take_or_end(tenant, id)
  local webhook = record(key('webhook', id))
  if not webhook then return redis.call('ZREM', key('outbox', tenant), id) end
  if redis.call('EXISTS', key('gone', tenant .. ':' .. redis.sha1hex(webhook.url))) == 1 then
    return end_webhook(id, webhook, 'disabled')
  end
  if tonumber(webhook.attempt) >= most_attempts then return end_webhook(id, webhook, 'failed') end
  take(id, webhook)
end

-- One delivery of each tenant, while there is room; those that may have more due.
local function go_round(tenants)
  local again = {}
  for _, tenant in ipairs(tenants) do
    if #found >= limit or looks < 1 then return {} end
    local id = (taken[tenant] or 0) < per_tenant and redis.call('ZRANGEBYSCORE', key('outbox', tenant), '-inf', int(NOW), 'LIMIT', 0, 1)[1]
    if id then
      looks = looks - 1
      take_or_end(tenant, id)
      take_delivery_turn(tenant, true)
      again[#again + 1] = tenant
    end
  end
  return again
end

local due = redis.call('ZRANGEBYSCORE', OUTBOX, '-inf', int(NOW_US), 'LIMIT', 0, looks)
while #due > 0 do due = go_round(due) end
return found
