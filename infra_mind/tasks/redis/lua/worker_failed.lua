-- Counts failures of worker processes of one kind; answers the alert when this call raised it, '' otherwise.
-- KEYS[9] <p>failures:<kind>  list  ms of the newest ones, as many as raise an alert   expires with the window
-- KEYS[10] <p>alerts          hash  kind -> JSON of the alert, with `until`, ms         expires with the last of them
-- Computed: <p>outbox, <p>outbox:<tenant> and <p>webhook:<id>: an alert belongs to no tenant, which is written as ''.
-- ARGV: kind, step, message, times, '1' when an alert is to be told
local kind, times = ARGV[1], tonumber(ARGV[4])
redis.call('HINCRBY', COUNTERS, 'failed:' .. kind, times)
for _ = 1, math.min(times, C.alert_after) do redis.call('LPUSH', KEYS[9], int(NOW)) end
redis.call('LTRIM', KEYS[9], 0, C.alert_after - 1)
redis.call('PEXPIRE', KEYS[9], C.alert_window)

local raw = redis.call('HGET', KEYS[10], kind)
local alert = raw and cjson.decode(raw)
if alert and tonumber(alert['until']) <= NOW then alert = nil end
local raised = false
if not alert then
  local oldest = redis.call('LINDEX', KEYS[9], C.alert_after - 1)
  if not oldest or NOW - tonumber(oldest) >= C.alert_window then return '' end
  alert, raised = { kind = kind, count = C.alert_after - times, since = oldest }, true
end
alert.count, alert.last = alert.count + times, int(NOW)
alert.step, alert.message, alert['until'] = ARGV[2], ARGV[3], int(NOW + C.alert_ttl)
redis.call('HSET', KEYS[10], kind, cjson.encode(alert))
redis.call('PEXPIRE', KEYS[10], C.alert_ttl)
if not raised then return '' end
if ARGV[5] == '1' then
  local id = 'msg_' .. redis.sha1hex(kind .. '\n' .. alert.last)
  redis.call('HSET', key('webhook', id), 'tenant', '', 'task', '', 'assessment', '', 'url', '', 'task_state', '', 'status', '',
    'error_type', '', 'at', int(NOW), 'state', 'pending', 'attempt', '0', 'due', int(NOW), 'alert', cjson.encode(alert))
  post('', id, NOW)
end
return cjson.encode(alert)
