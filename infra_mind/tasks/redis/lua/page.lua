-- Records of a listing, newest first, after a cursor. Members whose record is gone are dropped on the way.
-- KEYS[9] the listing. ARGV: 'task' or 'assessment', score of the cursor or '+inf', id of the cursor or '', count.
-- Computed: <p>task:<id> or <p>assessment:<id> of the members. Answers {id, score, record} each.
local kind, from, after, count = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local rows, offset = {}, 0
while #rows < count do
  local found = redis.call('ZREVRANGEBYSCORE', KEYS[9], from, '-inf', 'WITHSCORES', 'LIMIT', offset, count)
  if #found == 0 then break end
  local dead = {}
  for i = 1, #found, 2 do
    local id, score = found[i], int(tonumber(found[i + 1]))
    local flat = redis.call('HGETALL', key(kind, id))
    if #flat == 0 then
      dead[#dead + 1] = id
    elseif not (score == from and id >= after) and #rows < count then
      rows[#rows + 1] = { id, score, flat }
    end
  end
  if #dead > 0 then redis.call('ZREM', KEYS[9], unpack(dead)) end
  offset = offset + #found / 2 - #dead
end
return rows
