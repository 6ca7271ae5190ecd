-- Deletes a schedule; 0 for an unknown one. What it started goes on.
-- KEYS[9] <p>schedule:<id>  KEYS[10] <p>schedule-input:<id>  KEYS[11] <p>schedules  KEYS[12] <p>schedules:<tenant>. ARGV: id, tenant
if redis.call('HGET', KEYS[9], 'tenant') ~= ARGV[2] then return 0 end
redis.call('UNLINK', KEYS[9], KEYS[10])
redis.call('ZREM', KEYS[11], ARGV[1])
redis.call('ZREM', KEYS[12], ARGV[1])
return 1
