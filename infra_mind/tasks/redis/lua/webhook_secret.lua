-- The signing secrets of a tenant: the first is made when there is none; to rotate puts a fresh one in the place of the newest.
-- KEYS[9] <p>webhook-secrets  hash  tenant -> JSON {secret, created, former: [{secret, until}], newest first}, ms   for ever
-- ARGV: tenant, fresh secret, '1' to rotate, ms that a former one signs on, most former ones. Answers the JSON and the time in ms.
local raw = redis.call('HGET', KEYS[9], ARGV[1])
local now = raw and cjson.decode(raw)
local rotate = ARGV[3] == '1' and not (now and now.secret == ARGV[2])
if not now or rotate then
  local former = {}
  if now then former[1] = { secret = now.secret, ['until'] = NOW + tonumber(ARGV[4]) } end
  for _, one in ipairs(now and now.former or {}) do
    if one['until'] > NOW and #former < tonumber(ARGV[5]) then former[#former + 1] = one end
  end
  raw = cjson.encode({ secret = ARGV[2], created = NOW, former = #former > 0 and former or nil })
  redis.call('HSET', KEYS[9], ARGV[1], raw)
end
return { raw, int(NOW) }
