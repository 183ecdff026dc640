-- One reservation as it is usually built on Redis: everything in one script, so
-- that nothing interleaves. The same rules as the engine's reserve, in its order:
-- idempotency, limit per user, stock.
--
-- KEYS  1 zone hash (available, reserved, price)   2 user's tickets for the event
--       3 idempotency key                          4 booking hash
-- ARGV  1 booking id  2 user id  3 quantity  4 limit per user
--       5 milliseconds a reservation lives  6 seconds an idempotency key lives
-- Returns {code, booking id or a number}: 201 made, 200 repeated, 409 refused.

local earlier = redis.call('GET', KEYS[3])
if earlier then
    return {200, earlier}
end
local quantity = tonumber(ARGV[3])
local held = tonumber(redis.call('GET', KEYS[2]) or '0')
if held + quantity > tonumber(ARGV[4]) then
    return {409, held}
end
local zone = redis.call('HMGET', KEYS[1], 'available', 'price')
local available = tonumber(zone[1] or '0')
if available < quantity then
    return {409, available}
end
redis.call('HINCRBY', KEYS[1], 'available', -quantity)
redis.call('HINCRBY', KEYS[1], 'reserved', quantity)
redis.call('INCRBY', KEYS[2], quantity)
redis.call('HSET', KEYS[4], 'user', ARGV[2], 'zone', KEYS[1], 'quantity', quantity,
           'unit_price', zone[2], 'status', 'reserved')
redis.call('PEXPIRE', KEYS[4], ARGV[5])
redis.call('SET', KEYS[3], ARGV[1], 'EX', ARGV[6])
return {201, ARGV[1]}
