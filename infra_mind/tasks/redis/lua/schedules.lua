-- Records of schedules: of a tenant, newest first, or those that are due, the longest first.
-- KEYS[9] <p>schedules:<tenant>, or <p>schedules. Computed: <p>schedule:<id> of each. ARGV: 'all' or 'due', most
-- Answers the time in ms, then {id, record} each.
local ids
if ARGV[1] == 'due' then
  ids = redis.call('ZRANGEBYSCORE', KEYS[9], '-inf', int(NOW), 'LIMIT', 0, ARGV[2])
else
  ids = redis.call('ZREVRANGE', KEYS[9], 0, tonumber(ARGV[2]) - 1)
end
local rows = { int(NOW) }
for _, id in ipairs(ids) do rows[#rows + 1] = { id, redis.call('HGETALL', key('schedule', id)) } end
return rows
