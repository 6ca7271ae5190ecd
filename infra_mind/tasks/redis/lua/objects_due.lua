-- Condemns up to ARGV[1] objects that are due and names those to delete now; one not confirmed in time is named again.
-- KEYS: the house keys. Computed: <p>objects, <p>condemned. ARGV: limit
local limit = tonumber(ARGV[1])
for _, name in ipairs(redis.call('ZRANGEBYSCORE', OBJECTS, '-inf', int(NOW), 'LIMIT', 0, limit)) do
  redis.call('ZREM', OBJECTS, name)
  redis.call('ZADD', CONDEMNED, int(NOW), name)
end
local names = redis.call('ZRANGEBYSCORE', CONDEMNED, '-inf', int(NOW), 'LIMIT', 0, limit)
for _, name in ipairs(names) do redis.call('ZADD', CONDEMNED, int(NOW + C.object_retry), name) end
return names
