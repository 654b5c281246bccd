-- ARGV: now_ms, clock_ms_max, lease_ms. Returns the name of the new books to whoever gets to fill them.
if generation() then return {'open', ''} end
local ahead = ahead_ms(tonumber(ARGV[1]))
if math.abs(ahead) > tonumber(ARGV[2]) then return {'clock', text(ahead)} end
local memory = redis.call('INFO', 'memory')
local most, policy = string.match(memory, 'maxmemory:(%d+)'), string.match(memory, 'maxmemory_policy:([%w-]+)')
if (most or '0') ~= '0' and (policy or 'noeviction') ~= 'noeviction' then return {'evicts', policy} end
local at = redis.call('TIME')
local books = string.sub(run_id(), 1, 12) .. '-' .. at[1] .. '-' .. at[2]
if not redis.call('SET', base .. 'rebuild', books, 'NX', 'PX', ARGV[3]) then return {'held', ''} end
redis.call('DEL', base .. 'caps_set')
return {'begun', books}
