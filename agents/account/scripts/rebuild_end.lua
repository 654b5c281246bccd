-- ARGV: books, then names and amounts of an operator's caps, which are put back where they were lost.
local books = ARGV[1]
local ours = run_id()
if redis.call('GET', base .. 'rebuild') ~= books or string.sub(ours, 1, 12) ~= string.sub(books, 1, 12) then return 0 end
for n = 2, #ARGV, 2 do redis.call('HSETNX', base .. 'caps', ARGV[n], ARGV[n + 1]) end
redis.call('HSET', base .. 'meta', 'run_id', ours, 'generation', books)
redis.call('DEL', base .. 'rebuild')
return 1
