-- One keyed debit: KEYS are the balance and the idempotency key, ARGV the units.
-- The key and the balance are each checked and written by one call, the fewest that do it.
local balance_key, key, units = KEYS[1], KEYS[2], ARGV[1]
if not redis.call('SET', key, 'applied', 'NX') then
  local first = redis.call('GET', key)
  return { first == 'applied' and 'duplicate' or 'duplicate-refused', redis.call('GET', balance_key) }
end
local balance = redis.call('DECRBY', balance_key, units)
if balance < 0 then
  redis.call('SET', key, 'refused')
  return { 'refused', redis.call('INCRBY', balance_key, units) }
end
return { 'applied', balance }
