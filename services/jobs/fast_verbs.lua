-- name: retry
-- Dead jobs join those that are ready, as if they had never been tried: those that are still dead of the same
-- death. Answers how many.
-- KEYS: dead, dead messages, ready, messages. ARGV: id, time of death, message, id, ...
local changed = 0
for i = 1, #ARGV, 3 do
  local died = redis.call('zscore', KEYS[1], ARGV[i])
  if died and tonumber(died) == tonumber(ARGV[i + 1]) then
    redis.call('zrem', KEYS[1], ARGV[i])
    redis.call('hdel', KEYS[2], ARGV[i])
    redis.call('hset', KEYS[4], ARGV[i], ARGV[i + 2])
    redis.call('rpush', KEYS[3], ARGV[i])
    changed = changed + 1
  end
end
return changed

-- name: discard_dead
-- Answers how many there still were.
-- KEYS: dead, dead messages. ARGV: ids
local changed = 0
for _, id in ipairs(ARGV) do
  if redis.call('zrem', KEYS[1], id) == 1 then
    redis.call('hdel', KEYS[2], id)
    changed = changed + 1
  end
end
return changed

-- name: discard_ready
-- Only what no worker has fetched is in the list.
-- KEYS: ready, messages. ARGV: ids
local changed = 0
for _, id in ipairs(ARGV) do
  if redis.call('lrem', KEYS[1], 1, id) == 1 then
    redis.call('hdel', KEYS[2], id)
    changed = changed + 1
  end
end
return changed

-- name: discard_scheduled
-- Also from under a worker that waits for its time: there it does not ripen any more.
-- KEYS: delayed, delayed messages, due. ARGV: ids
local changed = 0
for _, id in ipairs(ARGV) do
  redis.call('zrem', KEYS[3], id)
  if redis.call('hdel', KEYS[2], id) == 1 then
    redis.call('lrem', KEYS[1], 1, id)
    changed = changed + 1
  end
end
return changed
