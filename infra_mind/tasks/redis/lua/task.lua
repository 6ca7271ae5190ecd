-- One task as it is now, with its place in the queue (-1 when it does not wait). KEYS[9] task. ARGV: task
local flat = redis.call('HGETALL', KEYS[9])
if #flat == 0 then return { flat, -1, int(NOW) } end
local state, priority = unpack(redis.call('HMGET', KEYS[9], 'state', 'priority'))
if state ~= 'PENDING' then return { flat, -1, int(NOW) } end
local own = tonumber(redis.call('ZSCORE', QUEUES[priority], ARGV[1])) + C.handicap[priority] * 1000
local ahead = redis.call('ZRANK', QUEUES[priority], ARGV[1])
for _, other in ipairs(PRIORITIES) do
  if other ~= priority then
    ahead = ahead + redis.call('ZCOUNT', QUEUES[other], '-inf', '(' .. int(own - C.handicap[other] * 1000))
  end
end
return { flat, ahead + 1, int(NOW) }
