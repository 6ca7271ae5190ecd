-- Notes how an attempt went; 1 when it is the newest one of a pending delivery, or was noted before.
-- KEYS[9] <p>webhook:<id>. Computed: <p>outbox, <p>outbox:<tenant>, <p>webhooks:<task>, <p>gone:...
-- ARGV: id, attempt, state after, duration in ms, status code or '', type of error or '', ms to wait
local id, attempt, state = ARGV[1], ARGV[2], ARGV[3]
local webhook = record(KEYS[9])
if not webhook then return 0 end
if webhook['try:' .. attempt] then return 1 end
if webhook.state ~= 'pending' or webhook.attempt ~= attempt then return 0 end

local duration = tonumber(ARGV[4])
redis.call('HSET', KEYS[9], 'try:' .. attempt, cjson.encode({
  attempt = tonumber(attempt), at = math.floor(NOW - duration), duration = duration, code = tonumber(ARGV[5]) or 0, error = ARGV[6],
}))
if state == 'pending' then
  local due = int(NOW + tonumber(ARGV[7]))
  redis.call('HSET', KEYS[9], 'due', due)
  post(webhook.tenant, id, due)
  redis.call('HINCRBY', COUNTERS, 'webhook:retried', 1)
  return 1
end
if state == 'disabled' then
  redis.call('SET', key('gone', webhook.tenant .. ':' .. redis.sha1hex(webhook.url)), '1', 'PX', C.result_ttl)
end
end_webhook(id, webhook, state)
return 1
