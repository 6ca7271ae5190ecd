-- Takes an API key away; the newest key that its tenant has left says the policy.
-- KEYS[9] <p>keys  KEYS[10] <p>keys:by-secret. ARGV: key id. Answers 1 when there was one.
local secret = redis.call('HGET', KEYS[9], ARGV[1])
if not secret then return 0 end
local tenant = cjson.decode(redis.call('HGET', KEYS[10], secret)).tenant
redis.call('HDEL', KEYS[9], ARGV[1])
redis.call('HDEL', KEYS[10], secret)
take_policy(tenant, KEYS[10])
return 1
