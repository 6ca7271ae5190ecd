-- Creates a draft or replaces its input. The same create again is the same draft.
-- KEYS[9] assessment  KEYS[10] input
-- ARGV: 'create' or 'change', tenant, assessment, name, packed input, number of artefact files
local action, tenant, id = ARGV[1], ARGV[2], ARGV[3]
local found = record(KEYS[9])
if action == 'change' and (not found or found.tenant ~= tenant or found.deleted) then return { 'NOT_FOUND' } end
if found and (found.tenant ~= tenant or found.deleted or found.status ~= 'draft') then
  return { 'CONFLICT', found.tenant == tenant and found.status or '' }
end
local created, listed = int(NOW), int(NOW_US)
if found then created, listed = found.created, found.listed end
redis.call('HSET', KEYS[9], 'tenant', tenant, 'name', ARGV[4], 'status', 'draft', 'created', created, 'listed', listed,
  'updated', int(NOW), 'files', ARGV[6])
redis.call('SET', KEYS[10], ARGV[5])
for i = 9, 10 do redis.call('PEXPIRE', KEYS[i], C.draft_ttl) end
list_in('assessments', tenant, tonumber(listed), id)
trim_at('assessments', tenant, id, NOW + C.draft_ttl)
return { 'OK', redis.call('HGETALL', KEYS[9]) }
