-- ARGV: books, then names and amounts of operators' caps, '' where one was taken away. They go before what is here: the
-- log has every act, and a server that took over may have lost the last. What was set since the log was read stays.
local books = ARGV[1]
local ours = run_id()
if redis.call('GET', base .. 'rebuild') ~= books or string.sub(ours, 1, 12) ~= string.sub(books, 1, 12) then return 0 end
for n = 2, #ARGV, 2 do
  if redis.call('SISMEMBER', base .. 'caps_set', ARGV[n]) == 0 then set_cap(ARGV[n], ARGV[n + 1]) end
end
redis.call('HSET', base .. 'meta', 'run_id', ours, 'generation', books)
redis.call('DEL', base .. 'rebuild', base .. 'caps_set')
return 1
