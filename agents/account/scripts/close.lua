-- ARGV: now_ms, attempt, settled|released|charged, nano_usd, tokens, input tokens, output tokens used.
local now_ms, act, used_usd, used_tokens = tonumber(ARGV[1]), ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local books = generation()
if not books then return {'closed', 0} end
local attempt = read(books, ARGV[2])
if not attempt then return {'unknown', 0} end
if attempt.state == 'reserved' or attempt.state == 'confirmed' then
  if act == 'charged' then
    charge(books, attempt)
  elseif act == 'released' then
    close(books, attempt, 'released', 0, 0)
    give_back(attempt.model, now_ms, {1, attempt.input_tokens, attempt.output_tokens})
  else
    close(books, attempt, 'settled', used_usd, used_tokens)
    give_back(attempt.model, now_ms, {0, attempt.input_tokens - tonumber(ARGV[6]), attempt.output_tokens - tonumber(ARGV[7])})
    return {'settled', count_overrun(books, attempt, used_usd, used_tokens, attempt.nano_usd, attempt.tokens)}
  end
  return {act, 0}
end
if act ~= 'settled' then return {attempt.state, 0} end

if attempt.state == 'charged' then
  local more_usd = math.max(0, used_usd - attempt.used_nano_usd)
  local more_tokens = math.max(0, used_tokens - attempt.used_tokens)
  if more_usd + more_tokens > 0 then
    post(books, attempt, 'charged', more_usd, more_tokens)
    redis.call('HSET', attempt_key(books, attempt.id), 'used_nano_usd', text(attempt.used_nano_usd + more_usd),
      'used_tokens', text(attempt.used_tokens + more_tokens))
    return {'charged', count_overrun(books, attempt, more_usd, more_tokens, 0, 0)}
  end
elseif attempt.state == 'released' and used_usd + used_tokens > 0 then
  redis.call('HSET', attempt_key(books, attempt.id), 'state', 'settled', 'used_nano_usd', ARGV[4], 'used_tokens', ARGV[5])
  post(books, attempt, 'settled', used_usd, used_tokens)
  return {'settled', count_overrun(books, attempt, used_usd, used_tokens, 0, 0)}
end
return {redis.call('HGET', attempt_key(books, attempt.id), 'state'), 0}
