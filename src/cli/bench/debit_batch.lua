-- Many keyed debits in one call: ARGV are triples of balance, idempotency key and units. Each does
-- what debit.lua does.
-- The answer is one flat array of verdicts and balances: pairs of their own cost a fifth more.
local call = redis.call
local answers = {}
local count = 0
for at = 1, #ARGV, 3 do
  local balance_key, key, units = ARGV[at], ARGV[at + 1], ARGV[at + 2]
  local verdict, balance
  local first = call('GET', key)
  if first then
    verdict = first == 'applied' and 'duplicate' or 'duplicate-refused'
    balance = call('GET', balance_key)
  else
    balance = tonumber(call('GET', balance_key) or '0')
    if balance < tonumber(units) then
      verdict = 'refused'
      call('SET', key, 'refused', 'EX', 3024000)
    else
      verdict = 'applied'
      call('SET', key, 'applied', 'EX', 3024000)
      balance = call('DECRBY', balance_key, units)
    end
  end
  answers[count + 1] = verdict
  answers[count + 2] = balance
  count = count + 2
end
return answers
