-- Creates a schedule. The same create again is the same schedule.
-- KEYS[9] <p>schedule:<id>        hash    the record                          until it is deleted
-- KEYS[10] <p>schedule-input:<id> string  packed submission                   until it is deleted
-- KEYS[11] <p>schedules           zset    id -> due, ms                       while one is enabled
-- KEYS[12] <p>schedules:<tenant>  zset    id -> created, microseconds         while the tenant has one
-- ARGV: id, tenant, due in ms or '', most of a tenant, packed submission, then name, value, ... of the record
local id, tenant = ARGV[1], ARGV[2]
local owner = redis.call('HGET', KEYS[9], 'tenant')
if owner then return { owner == tenant and 'OK' or 'TAKEN', redis.call('HGETALL', KEYS[9]) } end
if redis.call('ZCARD', KEYS[12]) >= tonumber(ARGV[4]) then return { 'FULL' } end
redis.call('HSET', KEYS[9], 'tenant', tenant, 'created', int(NOW), unpack(ARGV, 6))
redis.call('SET', KEYS[10], ARGV[5])
redis.call('ZADD', KEYS[12], int(NOW_US), id)
if ARGV[3] ~= '' then
  redis.call('HSET', KEYS[9], 'due', ARGV[3])
  redis.call('ZADD', KEYS[11], ARGV[3], id)
end
return { 'OK', redis.call('HGETALL', KEYS[9]) }
