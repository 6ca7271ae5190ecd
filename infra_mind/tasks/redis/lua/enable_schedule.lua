-- Sets when a schedule is due next; '' pauses it. KEYS[9] <p>schedule:<id>  KEYS[10] <p>schedules. ARGV: id, tenant, due in ms or ''
-- Answers the record, or 0 for an unknown one.
if redis.call('HGET', KEYS[9], 'tenant') ~= ARGV[2] then return 0 end
if ARGV[3] == '' then
  redis.call('HDEL', KEYS[9], 'due')
  redis.call('ZREM', KEYS[10], ARGV[1])
else
  redis.call('HSET', KEYS[9], 'due', ARGV[3])
  redis.call('ZADD', KEYS[10], ARGV[3], ARGV[1])
end
return redis.call('HGETALL', KEYS[9])
