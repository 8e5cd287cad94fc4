-- Takes from a topic what every service that hears it has acknowledged, and nothing else; a topic that
-- no service hears keeps its newest entries.
--   redis-cli --eval trim.lua order.created , 50000
-- KEYS[1]: the topic; ARGV[1]: how many entries it may have before anything is taken.
local topic, most = KEYS[1], tonumber(ARGV[1])
if redis.call('TYPE', topic).ok ~= 'stream' or redis.call('XLEN', topic) <= most then
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
  -- what is pending has been read, but not acknowledged
  local pending = redis.call('XPENDING', topic, fields['name'])
  local id = pending[1] > 0 and pending[2] or fields['last-delivered-id']
  if not oldest or older(id, oldest) then oldest = id end
end
if not oldest then return redis.call('XTRIM', topic, 'MAXLEN', '~', most) end
return redis.call('XTRIM', topic, 'MINID', oldest)
