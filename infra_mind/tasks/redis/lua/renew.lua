-- Extends leases. KEYS[9..] one task each; ARGV: task id, fence of each. Answers 'held', 'cancel' or 'lost' in order.
local answers = {}
hear()
for i = 9, #KEYS do
  local id, fence = ARGV[2 * (i - 8) - 1], ARGV[2 * (i - 8)]
  local found = redis.call('HMGET', KEYS[i], 'state', 'fence', 'cancel')
  if found[1] and holds({ state = found[1], fence = found[2] }, fence) then
    redis.call('ZADD', LEASES, int(NOW + C.lease), id)
    answers[i - 8] = found[3] and 'cancel' or 'held'
  else
    answers[i - 8] = 'lost'
  end
end
return answers
