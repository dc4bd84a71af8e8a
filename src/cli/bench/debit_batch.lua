-- Many keyed debits in one call: ARGV are triples of balance, idempotency key and units.
local call = redis.call
local answers = {}
for at = 1, #ARGV, 3 do
  local balance_key, key, units = ARGV[at], ARGV[at + 1], ARGV[at + 2]
  local answer
  if call('SET', key, 'applied', 'NX') then
    local balance = call('DECRBY', balance_key, units)
    if balance < 0 then
      call('SET', key, 'refused')
      answer = { 'refused', call('INCRBY', balance_key, units) }
    else
      answer = { 'applied', balance }
    end
  else
    local first = call('GET', key)
    answer = { first == 'applied' and 'duplicate' or 'duplicate-refused', call('GET', balance_key) }
  end
  answers[#answers + 1] = answer
end
return answers
