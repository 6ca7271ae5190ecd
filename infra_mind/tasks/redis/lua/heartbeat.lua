-- Notes a dispatcher as live and forgets those that have been silent for too long.
-- KEYS[9] <p>dispatchers  hash  name -> JSON with `at`, ms   expires with the last of them. ARGV: name, JSON without `at`
local info = cjson.decode(ARGV[2])
info.at = NOW
redis.call('HSET', KEYS[9], ARGV[1], cjson.encode(info))
redis.call('PEXPIRE', KEYS[9], C.dispatcher_ttl)
local flat = redis.call('HGETALL', KEYS[9])
for i = 1, #flat, 2 do
  if cjson.decode(flat[i + 1]).at < NOW - C.dispatcher_ttl then redis.call('HDEL', KEYS[9], flat[i]) end
end
return 1
