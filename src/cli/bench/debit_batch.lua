-- Many keyed debits in one call: ARGV are triples of balance, idempotency key and units.
-- The answer is one flat array of verdicts and balances: pairs of their own cost a fifth more.
local call = redis.call
local answers = {}
local count = 0
for at = 1, #ARGV, 3 do
  local balance_key, key, units = ARGV[at], ARGV[at + 1], ARGV[at + 2]
  local verdict, balance = 'applied'
  if call('SET', key, 'applied', 'NX') then
    balance = call('DECRBY', balance_key, units)
    if balance < 0 then
      call('SET', key, 'refused')
      verdict, balance = 'refused', call('INCRBY', balance_key, units)
    end
  else
    verdict = call('GET', key) == 'applied' and 'duplicate' or 'duplicate-refused'
    balance = call('GET', balance_key)
  end
  answers[count + 1] = verdict
  answers[count + 2] = balance
  count = count + 2
end
return answers
