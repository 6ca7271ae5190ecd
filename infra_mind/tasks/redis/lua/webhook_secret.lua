-- The signing secret of a tenant: made when there is none, or put in the place of the one that is.
-- KEYS[9] <p>webhook-secrets  hash  tenant -> JSON {secret, created, previous, until}, ms   for ever
-- ARGV: tenant, fresh secret, '1' to rotate, ms that the former one signs on. Answers the JSON and the time in ms.
local raw = redis.call('HGET', KEYS[9], ARGV[1])
local now = raw and cjson.decode(raw)
local rotate = ARGV[3] == '1' and not (now and now.secret == ARGV[2])
if not now or rotate then
  local made = { secret = ARGV[2], created = NOW }
  if now then made.previous, made['until'] = now.secret, NOW + tonumber(ARGV[4]) end
  raw = cjson.encode(made)
  redis.call('HSET', KEYS[9], ARGV[1], raw)
end
return { raw, int(NOW) }
