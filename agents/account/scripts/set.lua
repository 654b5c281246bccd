-- ARGV: an act and its words: cap NAME AMOUNT, uncap NAME, open MODEL. Returns what was there before.
if ARGV[1] == 'open' then
  local before = redis.call('HGET', base .. 'closed', ARGV[2])
  redis.call('HDEL', base .. 'closed', ARGV[2])
  return before
end
local before = redis.call('HGET', base .. 'caps', ARGV[2])
if ARGV[1] == 'cap' then redis.call('HSET', base .. 'caps', ARGV[2], ARGV[3]) else redis.call('HDEL', base .. 'caps', ARGV[2]) end
return before
