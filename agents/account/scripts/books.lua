-- What every script of the ledger begins with. KEYS[1] is the scope's base, with its hash tag: every key begins with
-- it, so all lie in one slot. Numbers are doubles, exact below 2^53; in keys they are printed by `text`, since Lua's
-- own conversion keeps fourteen digits. The rules are those of budget.py and pacing.py, step by step.
local base = KEYS[1]
local SIZE_MS = {day = 86400000, hour = 3600000, minute = 60000}
local KEEP_MS = {day = 691200000, hour = 259200000, minute = 7200000}
local ATTEMPT_KEEP_MS = 172800000
local CAPS_SET_KEEP_MS = 3600000
local WINDOWS = {'day', 'hour', 'minute'}
local REFILL_MS_MAX, PACE_KEEP_MS, BACK_MS_MAX = 86400000, 7200000, 10000
local SCALE, RATE_MAX, PAUSE_MS_MAX = 60000, 100000000, 3600000

local function text(number) return string.format('%.0f', number) end

local function run_id() return string.match(redis.call('INFO', 'server'), 'run_id:(%w+)') end

-- The name that this server's books begin with; nothing when they were rebuilt on another server, or never.
local function generation()
  local known = redis.call('HMGET', base .. 'meta', 'run_id', 'generation')
  if known[1] and known[1] == run_id() then return known[2] end
  return nil
end

-- How far a worker's clock is before the server's, in milliseconds.
local function ahead_ms(now_ms)
  local at = redis.call('TIME')
  return now_ms - (tonumber(at[1]) * 1000 + math.floor(tonumber(at[2]) / 1000))
end

local function window_key(books, window, at_ms)
  return base .. books .. ':window:' .. window .. ':' .. text(math.floor(at_ms / SIZE_MS[window]))
end

local function attempt_key(books, id) return base .. books .. ':attempt:' .. id end

local function set_cap(name, amount)
  if amount == '' then redis.call('HDEL', base .. 'caps', name) else redis.call('HSET', base .. 'caps', name, amount) end
end

local function accounts(model, priority) return {'all', 'model/' .. model, 'class/' .. priority} end

local function read(books, id)
  local row = redis.call('HMGET', attempt_key(books, id), 'state', 'model', 'priority', 'nano_usd', 'tokens', 'at_ms',
    'until_ms', 'input_tokens', 'output_tokens', 'used_nano_usd', 'used_tokens')
  if not row[1] then return nil end
  return {id = id, state = row[1], model = row[2], priority = row[3], nano_usd = tonumber(row[4]),
    tokens = tonumber(row[5]), at_ms = tonumber(row[6]), until_ms = tonumber(row[7]),
    input_tokens = tonumber(row[8]), output_tokens = tonumber(row[9]),
    used_nano_usd = tonumber(row[10] or '0'), used_tokens = tonumber(row[11] or '0')}
end

-- Adds to a column of every account. A window that was dropped is not made again, unless `opens` says so.
local function post(books, attempt, column, nano_usd, tokens, opens)
  for _, window in ipairs(WINDOWS) do
    local key = window_key(books, window, attempt.at_ms)
    if opens or redis.call('EXISTS', key) == 1 then
      for _, account in ipairs(accounts(attempt.model, attempt.priority)) do
        redis.call('HINCRBY', key, account .. '/nano_usd/' .. column, nano_usd)
        redis.call('HINCRBY', key, account .. '/tokens/' .. column, tokens)
      end
      if opens then redis.call('PEXPIRE', key, KEEP_MS[window]) end
    end
  end
end

local function count_overrun(books, attempt, used_usd, used_tokens, nano_usd, tokens)
  local beyond_usd, beyond_tokens = math.max(0, used_usd - nano_usd), math.max(0, used_tokens - tokens)
  if beyond_usd + beyond_tokens > 0 then
    post(books, attempt, 'overrun', beyond_usd, beyond_tokens)
    redis.call('HSET', base .. 'closed', attempt.model,
      attempt.id .. ' used ' .. text(beyond_usd) .. ' nano-dollars and ' .. text(beyond_tokens) .. ' tokens more than was reserved')
    return 1
  end
  return 0
end

-- Ends an open attempt: what was reserved goes, what it used comes, unless it was released. (0 - x, for -0 is no integer.)
local function close(books, attempt, state, used_usd, used_tokens)
  redis.call('HSET', attempt_key(books, attempt.id), 'state', state, 'used_nano_usd', used_usd, 'used_tokens', used_tokens)
  redis.call('ZREM', base .. books .. ':open', attempt.id)
  post(books, attempt, 'reserved', 0 - attempt.nano_usd, 0 - attempt.tokens)
  if state ~= 'released' then post(books, attempt, state, used_usd, used_tokens) end
end

local function charge(books, attempt) close(books, attempt, 'charged', attempt.nano_usd, attempt.tokens) end

-- The buckets of a model, brought up to now. `own` are the operator's rates, or none where only what is known counts.
local function refill(model, now_ms, own, permille)
  local key = base .. 'pace:' .. model
  local row = redis.call('HMGET', key, 'at_ms', 'paused_until_ms', 'level1', 'level2', 'level3', 'told1', 'told2', 'told3',
    'own1', 'own2', 'own3', 'permille')
  local pace = {key = key, at_ms = tonumber(row[1] or '0'), paused_until_ms = tonumber(row[2] or '0'),
    permille = permille or tonumber(row[12] or '100'), level = {}, told = {}, own = {}}
  if pace.at_ms - now_ms > BACK_MS_MAX then
    pace.at_ms, pace.paused_until_ms = now_ms, math.min(pace.paused_until_ms, now_ms + PAUSE_MS_MAX)
  end
  local span_ms = math.max(0, now_ms - pace.at_ms)
  pace.at_ms = pace.at_ms + span_ms
  for n = 1, 3 do
    pace.told[n] = tonumber(row[5 + n] or '0')
    pace.own[n] = own and own[n] or tonumber(row[8 + n] or '0')
    pace.level[n] = tonumber(row[2 + n] or '')
  end
  function pace.rate(n)
    local mine, told = pace.own[n], pace.told[n]
    if mine == 0 or (told ~= 0 and told < mine) then return told end
    return mine
  end
  function pace.burst(n) return math.max(1, math.floor(pace.rate(n) * pace.permille / 1000)) end
  for n = 1, 3 do
    local full = pace.burst(n) * SCALE
    pace.level[n] = math.min(full, (pace.level[n] or full) + pace.rate(n) * math.min(span_ms, REFILL_MS_MAX))
  end
  return pace
end

local function keep(pace)
  local row = {pace.key, 'at_ms', text(pace.at_ms), 'paused_until_ms', text(pace.paused_until_ms), 'permille', text(pace.permille)}
  for n = 1, 3 do
    for name, value in pairs({level = pace.level[n], told = pace.told[n], own = pace.own[n]}) do
      row[#row + 1] = name .. n
      row[#row + 1] = text(value)
    end
  end
  redis.call('HSET', unpack(row))
  redis.call('PEXPIRE', pace.key, PACE_KEEP_MS)
end

local function give_back(model, now_ms, unused)
  local pace = refill(model, now_ms)
  for n = 1, 3 do
    if pace.rate(n) ~= 0 then
      pace.level[n] = math.min(pace.burst(n) * SCALE, pace.level[n] + unused[n] * SCALE)
    end
  end
  keep(pace)
end

