-- ARGV: now_ms, clock_ms_max, attempt, model, priority, nano_usd, tokens, input tokens, output tokens, lease_ms,
-- open_max, floor_permille, requests/input/output a minute, burst_permille, then cap names and amounts in pairs.
local now_ms, clock_ms_max, id, model, priority = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3], ARGV[4], ARGV[5]
local nano_usd, tokens = tonumber(ARGV[6]), tonumber(ARGV[7])
local books = generation()
if not books then return {'closed', ''} end
local ahead = ahead_ms(now_ms)
if math.abs(ahead) > clock_ms_max then return {'clock', text(ahead)} end

local known = read(books, id)
if known then
  if known.state ~= 'reserved' and known.state ~= 'confirmed' then return {'finished', known.state} end
  if known.model == model and known.priority == priority and known.nano_usd == nano_usd and known.tokens == tokens then
    return {'granted', text(known.at_ms)}
  end
  return {'mismatch', ''}
end
if redis.call('ZCARD', base .. books .. ':open') >= tonumber(ARGV[11]) then return {'too_many_open', ''} end
if redis.call('HEXISTS', base .. 'closed', model) == 1 then return {'model_closed', model} end

local caps = {}
for n = 17, #ARGV, 2 do caps[ARGV[n]] = ARGV[n + 1] end
local parts, names = {}, {}
for _, window in ipairs(WINDOWS) do
  for _, account in ipairs(accounts(model, priority)) do
    for _, unit in ipairs({'nano_usd', 'tokens'}) do
      parts[#parts + 1] = {window, account, unit}
      names[#names + 1] = window .. '/' .. account .. '/' .. unit
    end
  end
end
local set = redis.call('HMGET', base .. 'caps', unpack(names))
local permille = tonumber(ARGV[12])
for n, full in ipairs(names) do
  local window, account, unit = unpack(parts[n])
  local cap = tonumber(set[n] or caps[full] or '-1')
  if cap >= 0 then
    local field = account .. '/' .. unit .. '/'
    local row = redis.call('HMGET', window_key(books, window, now_ms), field .. 'reserved', field .. 'settled', field .. 'charged')
    local used = tonumber(row[1] or '0') + tonumber(row[2] or '0') + tonumber(row[3] or '0')
    local amount = unit == 'nano_usd' and nano_usd or tokens
    if amount > cap - used then return {'cap', full} end
    if priority ~= 'alert' and string.sub(account, 1, 6) ~= 'class/' then
      local thousands = math.floor(cap / 1000)
      local usable = cap - thousands * permille - math.ceil((cap - thousands * 1000) * permille / 1000)
      if amount > usable - used then return {'floor', full} end
    end
  end
end

local need = {1, tonumber(ARGV[8]), tonumber(ARGV[9])}
local pace = refill(model, now_ms, {tonumber(ARGV[13]), tonumber(ARGV[14]), tonumber(ARGV[15])}, tonumber(ARGV[16]))
local wait_ms = pace.paused_until_ms - pace.at_ms
for n = 1, 3 do
  local rate = pace.rate(n)
  if rate ~= 0 then
    local lacks = math.min(need[n], pace.burst(n)) * SCALE - pace.level[n]
    if lacks > 0 then
      local up = lacks + rate - 1
      wait_ms = math.max(wait_ms, (up - math.fmod(up, rate)) / rate)
    end
  end
end
if wait_ms > 0 then
  keep(pace)
  return {'wait', text(wait_ms)}
end
for n = 1, 3 do
  if pace.rate(n) ~= 0 then pace.level[n] = pace.level[n] - need[n] * SCALE end
end
keep(pace)

local until_ms = now_ms + tonumber(ARGV[10])
redis.call('HSET', attempt_key(books, id), 'state', 'reserved', 'model', model, 'priority', priority, 'nano_usd', ARGV[6],
  'tokens', ARGV[7], 'at_ms', ARGV[1], 'until_ms', text(until_ms), 'input_tokens', ARGV[8], 'output_tokens', ARGV[9])
redis.call('PEXPIRE', attempt_key(books, id), ATTEMPT_KEEP_MS)
redis.call('ZADD', base .. books .. ':open', text(until_ms), id)
redis.call('PEXPIRE', base .. books .. ':open', KEEP_MS.day)
post(books, {id = id, model = model, priority = priority, at_ms = now_ms}, 'reserved', nano_usd, tokens, true)
return {'granted', ARGV[1]}
