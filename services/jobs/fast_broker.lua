-- name: delay
-- A job in a worker's hands goes to the delayed of its queue, as one step, so that it is never in both places
-- nor in none. 0: it is in another's hands by now. (In nobody's, Redis was emptied: then it is stored anew.)
-- KEYS: hands, messages, delayed, delayed messages, due. ARGV: id, message, when (ms)
if redis.call('srem', KEYS[1], ARGV[1]) == 0
  and (redis.call('hexists', KEYS[2], ARGV[1]) == 1 or redis.call('hexists', KEYS[4], ARGV[1]) == 1) then
  return 0
end
redis.call('hdel', KEYS[2], ARGV[1])
redis.call('hset', KEYS[4], ARGV[1], ARGV[2])
redis.call('rpush', KEYS[3], ARGV[1])
redis.call('zadd', KEYS[5], ARGV[3], ARGV[1])
return 1

-- name: ripen
-- A delayed job in a worker's hands is due and joins those that are ready. 0: it was discarded meanwhile, or
-- is in another's hands by now.
-- KEYS: hands of the delayed, delayed messages, due, ready, messages. ARGV: id, message
if redis.call('srem', KEYS[1], ARGV[1]) == 0 then
  return 0
end
redis.call('zrem', KEYS[3], ARGV[1])
if redis.call('hdel', KEYS[2], ARGV[1]) == 0 then
  return 0
end
redis.call('hset', KEYS[5], ARGV[1], ARGV[2])
redis.call('rpush', KEYS[4], ARGV[1])
return 1

-- name: bury
-- A job in a worker's hands is dead, and kept with its last failure.
-- KEYS: hands, messages, dead, dead messages. ARGV: id, message, now (ms)
if redis.call('srem', KEYS[1], ARGV[1]) == 0 or redis.call('hdel', KEYS[2], ARGV[1]) == 0 then
  return 0
end
redis.call('zadd', KEYS[3], ARGV[3], ARGV[1])
redis.call('hset', KEYS[4], ARGV[1], ARGV[2])
return 1

-- name: put_back
-- Jobs that were fetched and not begun go back to the head of their list.
-- KEYS: hands, messages, list, put back (not for the delayed). ARGV: now (ms), a day before (ms), ids as they
-- were fetched
for i = #ARGV, 3, -1 do
  if redis.call('srem', KEYS[1], ARGV[i]) == 1 and redis.call('hexists', KEYS[2], ARGV[i]) == 1 then
    redis.call('lpush', KEYS[3], ARGV[i])
    if KEYS[4] then
      redis.call('zadd', KEYS[4], ARGV[1], ARGV[i])
    end
  end
end
if KEYS[4] then
  redis.call('zremrangebyscore', KEYS[4], 0, ARGV[2])
end

-- name: reclaim
-- What Redis holds for a worker that does not know of it: the answer to its fetch was lost on the way.
-- KEYS: hands, messages, list, put back (not for the delayed). ARGV: now (ms), a day before (ms), the ids that
-- the worker does know of
local known = {}
for i = 3, #ARGV do
  known[ARGV[i]] = true
end
local found = 0
for _, id in ipairs(redis.call('smembers', KEYS[1])) do
  if not known[id] then
    redis.call('srem', KEYS[1], id)
    if redis.call('hexists', KEYS[2], id) == 1 then
      redis.call('lpush', KEYS[3], id)
      if KEYS[4] then
        redis.call('zadd', KEYS[4], ARGV[1], id)
      end
      found = found + 1
    end
  end
end
if KEYS[4] then
  redis.call('zremrangebyscore', KEYS[4], 0, ARGV[2])
end
return found
