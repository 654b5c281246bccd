-- ARGV: now_ms, clock_ms_max, attempt. An attempt whose lease is over is charged instead.
local now_ms = tonumber(ARGV[1])
local books = generation()
if not books then return {'closed', ''} end
local ahead = ahead_ms(now_ms)
if math.abs(ahead) > tonumber(ARGV[2]) then return {'clock', text(ahead)} end
local attempt = read(books, ARGV[3])
if not attempt then return {'unknown', ''} end
if attempt.state == 'reserved' or attempt.state == 'confirmed' then
  if now_ms >= attempt.until_ms then
    charge(books, attempt)
    return {'charged', ''}
  end
  redis.call('HSET', attempt_key(books, attempt.id), 'state', 'confirmed')
  return {'confirmed', ''}
end
return {attempt.state, ''}
