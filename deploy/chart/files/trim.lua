-- Deletes the entries of a topic that every consumer group has acknowledged. A topic without a consumer
-- group keeps its newest entries. Returns the number of deleted entries.
--   redis-cli --eval trim.lua order.created , 50000
-- KEYS[1]: the topic. ARGV[1]: the number of entries up to which nothing is deleted.
local topic, limit = KEYS[1], tonumber(ARGV[1])
if redis.call('TYPE', topic).ok ~= 'stream' or redis.call('XLEN', topic) <= limit then
  return 0
end

local function older(a, b)
  local ams, aseq = string.match(a, '(%d+)-(%d+)')
  local bms, bseq = string.match(b, '(%d+)-(%d+)')
  if ams ~= bms then return tonumber(ams) < tonumber(bms) end
  return tonumber(aseq) < tonumber(bseq)
end

local oldest
for _, group in ipairs(redis.call('XINFO', 'GROUPS', topic)) do
  local fields = {}
  for i = 1, #group, 2 do fields[group[i]] = group[i + 1] end
  -- Pending entries were read but not acknowledged.
  local pending = redis.call('XPENDING', topic, fields['name'])
  local id = pending[1] > 0 and pending[2] or fields['last-delivered-id']
  if not oldest or older(id, oldest) then oldest = id end
end
if not oldest then return redis.call('XTRIM', topic, 'MAXLEN', '~', limit) end
return redis.call('XTRIM', topic, 'MINID', oldest)
