-- ARGV: an attempt. Returns its state, what was reserved and what it used, or nothing.
local books = redis.call('HGET', base .. 'meta', 'generation')
if not books then return nil end
local attempt = read(books, ARGV[1])
if not attempt then return nil end
return {attempt.state, text(attempt.nano_usd), text(attempt.used_nano_usd)}
