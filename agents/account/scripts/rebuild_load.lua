-- ARGV: books, lease_ms, then of each attempt: id, model, priority, nano_usd, tokens, at_ms, until_ms, state, used
-- nano_usd, used tokens, whether its model was opened since (1 or 0). Also keeps the lease; what was loaded before is not loaded again.
local books = ARGV[1]
if redis.call('GET', base .. 'rebuild') ~= books or string.sub(run_id(), 1, 12) ~= string.sub(books, 1, 12) then return 0 end
redis.call('PEXPIRE', base .. 'rebuild', ARGV[2])
for n = 3, #ARGV, 11 do
  local id, model, priority, nano_usd, tokens, at_ms, until_ms, state, used_usd, used_tokens, opened = unpack(ARGV, n, n + 10)
  if redis.call('EXISTS', attempt_key(books, id)) == 0 then
    local attempt = {id = id, model = model, priority = priority, at_ms = tonumber(at_ms)}
    redis.call('HSET', attempt_key(books, id), 'state', state, 'model', model, 'priority', priority, 'nano_usd', nano_usd,
      'tokens', tokens, 'at_ms', at_ms, 'until_ms', until_ms, 'input_tokens', tokens, 'output_tokens', '0',
      'used_nano_usd', used_usd, 'used_tokens', used_tokens)
    redis.call('PEXPIRE', attempt_key(books, id), ATTEMPT_KEEP_MS)
    if state == 'confirmed' then
      redis.call('ZADD', base .. books .. ':open', until_ms, id)
      redis.call('PEXPIRE', base .. books .. ':open', KEEP_MS.day)
      post(books, attempt, 'reserved', nano_usd, tokens, true)
    elseif state ~= 'released' then
      post(books, attempt, state, used_usd, used_tokens, true)
      if state == 'settled' then
        count_overrun(books, attempt, tonumber(used_usd), tonumber(used_tokens), tonumber(nano_usd), tonumber(tokens), opened == '1')
      end
    end
  end
end
return 1
