-- ARGV: now_ms, model, retry_after_ms or '', then limit and remaining of requests, input and output tokens, '' where
-- the provider is silent, then the operator's requests, input and output a minute and burst_permille.
local now_ms = tonumber(ARGV[1])
local pace = refill(ARGV[2], now_ms, {tonumber(ARGV[10]), tonumber(ARGV[11]), tonumber(ARGV[12])}, tonumber(ARGV[13]))
for n = 1, 3 do
  local limit, remaining = tonumber(ARGV[2 + 2 * n]), tonumber(ARGV[3 + 2 * n])
  if limit then
    local fresh = pace.rate(n) == 0
    pace.told[n] = math.min(math.max(1, limit), RATE_MAX)
    local full = pace.burst(n) * SCALE
    pace.level[n] = fresh and full or math.min(pace.level[n], full)
  end
  if remaining and pace.rate(n) ~= 0 then
    pace.level[n] = math.min(pace.level[n], math.min(math.max(0, remaining), RATE_MAX) * SCALE)
  end
end
if ARGV[3] ~= '' then
  local pause_ms = math.min(math.max(0, tonumber(ARGV[3])), PAUSE_MS_MAX)
  pace.paused_until_ms = math.max(pace.paused_until_ms, pace.at_ms + pause_ms)
end
keep(pace)
return 1
