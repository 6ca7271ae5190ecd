-- Whether one more request of an API key fits its rate (generic cell rate algorithm): 0, or the ms to wait.
-- KEYS[9] <p>rate:<key id>  string  when its bucket is empty again, microseconds   expires then
-- ARGV: microseconds between two requests, how many may come at once
local each, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local full = math.max(tonumber(redis.call('GET', KEYS[9]) or '0'), NOW_US)
if full > NOW_US + each * burst then full = NOW_US end -- no bucket is fuller: the clock went back, or the rate was raised
local over = full + each - (NOW_US + each * burst)
if over > 0 then return math.ceil(over / 1000) end
redis.call('SET', KEYS[9], int(full + each), 'PX', math.ceil((full + each - NOW_US) / 1000) + 1)
return 0
