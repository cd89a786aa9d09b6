-- Asks all counters of one request at once, and counts it on all of them or, when one of them is full, on
-- none. KEYS: three for each check: the counter, its ban ('' for none), what makes it count once ('').
-- ARGV: four for each: how many may pass, the window and the ban in milliseconds (a ban of 0: a throttle),
-- and 1 when this request is to be counted (0: only look whether there is a ban).
-- Returns the number of the check that refuses (0: none), 1 if by a ban, and the milliseconds to wait.
local refusing, wait = 0, -1
local free = {}
for i = 1, #ARGV / 4 do
  local counter, ban, once = KEYS[3 * i - 2], KEYS[3 * i - 1], KEYS[3 * i]
  if ban ~= '' then
    local left = redis.call('PTTL', ban)
    if left > 0 then return {i, 1, left} end
  elseif once ~= '' and redis.call('EXISTS', once) == 1 then
    free[i] = true
  elseif tonumber(redis.call('GET', counter) or '0') >= tonumber(ARGV[4 * i - 3]) then
    local left = math.max(redis.call('PTTL', counter), 1)
    if left > wait then refusing, wait = i, left end
  end
end
if refusing > 0 then return {refusing, 0, wait} end
for i = 1, #ARGV / 4 do
  local counter, ban, once = KEYS[3 * i - 2], KEYS[3 * i - 1], KEYS[3 * i]
  if ARGV[4 * i] == '1' and not free[i] then
    local count = redis.call('INCR', counter)
    if redis.call('PTTL', counter) < 0 then redis.call('PEXPIRE', counter, ARGV[4 * i - 2]) end
    if once ~= '' then redis.call('SET', once, '1', 'PX', ARGV[4 * i - 2]) end
    if ban ~= '' and count >= tonumber(ARGV[4 * i - 3]) then
      redis.call('SET', ban, '1', 'PX', ARGV[4 * i - 1])
      redis.call('DEL', counter)
    end
  end
end
return {0, 0, 0}
