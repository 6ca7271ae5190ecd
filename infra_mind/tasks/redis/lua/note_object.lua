-- Lists an object that is about to be written; 1 when it may be. Again is the same; a committed one stays committed.
-- KEYS[9] task. ARGV: task, fence, name of the object. Computed: <p>objects, <p>condemned
local found = redis.call('HMGET', KEYS[9], 'state', 'fence')
if not found[1] or not holds({ state = found[1], fence = found[2] }, ARGV[2]) then return 0 end
if redis.call('ZSCORE', CONDEMNED, ARGV[3]) then return 0 end
redis.call('ZADD', OBJECTS, 'GT', int(NOW + C.object_grace), ARGV[3])
return 1
