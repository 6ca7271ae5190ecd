-- Depth and oldest age (ms, -1 for none) of each queue, then how many run, how many of these wait for a retry, and how many
-- are delayed.
-- KEYS: the house keys.
local answer = {}
for _, priority in ipairs(PRIORITIES) do
  local head = redis.call('ZRANGE', QUEUES[priority], 0, 0, 'WITHSCORES')
  answer[#answer + 1] = redis.call('ZCARD', QUEUES[priority])
  answer[#answer + 1] = head[2] and math.max(0, math.floor((NOW_US - tonumber(head[2])) / 1000)) or -1
end
answer[#answer + 1] = redis.call('ZCARD', LEASES)
answer[#answer + 1] = redis.call('SCARD', RETRYING)
answer[#answer + 1] = redis.call('ZCARD', DELAYED)
return answer
