-- Takes an API key away. KEYS[9] <p>keys  KEYS[10] <p>keys:by-secret. ARGV: key id. Answers 1 when there was one.
local secret = redis.call('HGET', KEYS[9], ARGV[1])
if not secret then return 0 end
redis.call('HDEL', KEYS[9], ARGV[1])
redis.call('HDEL', KEYS[10], secret)
return 1
