-- Forgets condemned objects that were deleted. KEYS: the house keys. Computed: <p>condemned. ARGV: names
return redis.call('ZREM', CONDEMNED, unpack(ARGV))
