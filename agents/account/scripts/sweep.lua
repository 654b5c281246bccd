-- ARGV: now_ms, clock_ms_max, how many at most. Charges what is open beyond its lease; returns how many there were.
local now_ms = tonumber(ARGV[1])
local books = generation()
if not books then return {'closed', 0} end
local ahead = ahead_ms(now_ms)
if math.abs(ahead) > tonumber(ARGV[2]) then return {'clock', ahead} end
local open = base .. books .. ':open'
local over = redis.call('ZRANGEBYSCORE', open, '-inf', text(now_ms), 'LIMIT', 0, tonumber(ARGV[3]))
for _, id in ipairs(over) do
  local attempt = read(books, id)
  if attempt and (attempt.state == 'reserved' or attempt.state == 'confirmed') then charge(books, attempt) end
  redis.call('ZREM', open, id)
end
return {'swept', #over}
