-- ARGV: an act and its words: cap NAME AMOUNT, uncap NAME, open MODEL. Returns what was there before.
if ARGV[1] == 'open' then
  local before = redis.call('HGET', base .. 'closed', ARGV[2])
  redis.call('HDEL', base .. 'closed', ARGV[2])
  return before
end
local before = redis.call('HGET', base .. 'caps', ARGV[2])
set_cap(ARGV[2], ARGV[3] or '')
if not generation() then -- a rebuild may have read the log before this act was in it
  redis.call('SADD', base .. 'caps_set', ARGV[2])
  redis.call('PEXPIRE', base .. 'caps_set', CAPS_SET_KEEP_MS)
end
return before
