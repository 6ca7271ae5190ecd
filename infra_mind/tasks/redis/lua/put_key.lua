-- Stores an API key; a new secret under a known id takes the old one's place. The newest key of a tenant says its policy.
-- KEYS[9] <p>keys  hash  key id -> sha256 of the secret, for ever   KEYS[10] <p>keys:by-secret  hash  sha256 -> JSON, for ever
-- ARGV: key id, sha256, JSON
local before = redis.call('HGET', KEYS[9], ARGV[1])
if before then redis.call('HDEL', KEYS[10], before) end
redis.call('HSET', KEYS[9], ARGV[1], ARGV[2])
redis.call('HSET', KEYS[10], ARGV[2], ARGV[3])
take_policy(cjson.decode(ARGV[3]).tenant, KEYS[10])
return 1
