-- One keyed debit: KEYS are the balance and the idempotency key, ARGV the units.
-- Checks the key, checks the balance, decrements, and remembers the verdict for as long as Drawdown
-- remembers keys.
local balance_key, key, units = KEYS[1], KEYS[2], ARGV[1]
local first = redis.call('GET', key)
if first then
  return { first == 'applied' and 'duplicate' or 'duplicate-refused', redis.call('GET', balance_key) }
end
local balance = tonumber(redis.call('GET', balance_key) or '0')
if balance < tonumber(units) then
  redis.call('SET', key, 'refused', 'EX', 3024000)
  return { 'refused', balance }
end
redis.call('SET', key, 'applied', 'EX', 3024000)
return { 'applied', redis.call('DECRBY', balance_key, units) }
