-- ARGV: now_ms. What these books hold of the windows of now, open or not.
local now_ms = tonumber(ARGV[1])
local books = redis.call('HGET', base .. 'meta', 'generation')
local told = {generation() and 'open' or 'closed', redis.call('HGETALL', base .. 'caps'), redis.call('HGETALL', base .. 'closed'),
  books and redis.call('ZCARD', base .. books .. ':open') or 0}
for _, window in ipairs(WINDOWS) do
  told[#told + 1] = books and redis.call('HGETALL', window_key(books, window, now_ms)) or {}
end
return told
