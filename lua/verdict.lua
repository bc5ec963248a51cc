-- What a case came to: a value that ends the case when it is raised (DESIGN section 5).
local verdict = {}

local Verdict = {}
Verdict.__index = Verdict
Verdict.__metatable = "verdict"

function Verdict:__tostring()
  local text = self.verdict
  if self.expected then
    text = text .. ": expected " .. self.expected
  end
  if self.observed then
    text = text .. (self.expected and "; observed " or ": ") .. self.observed
  end
  return text
end

local NAMES = { pass = true, warn = true, fail = true, skip = true, inconclusive = true, error = true }

-- Which of two verdicts of alternatives stands: the kinder one; what proved nothing comes before an accusation.
local RANK = { pass = 1, warn = 2, skip = 3, inconclusive = 4, fail = 5, error = 6 }

--- A verdict of { verdict =, expected =, observed =, notes =, silent = }: "pass", "warn", "fail", "skip" or
-- "inconclusive". silent: it rests on something that did not come, so that an accusation has to be confirmed.
function verdict.new(given)
  assert(NAMES[given.verdict], "not a verdict")
  return setmetatable({
    verdict = given.verdict,
    expected = given.expected,
    observed = given.observed,
    notes = given.notes or {},
    silent = given.silent or false,
  }, Verdict)
end

--- Is this value (a raised error, for example) a verdict?
function verdict.is(value)
  return type(value) == "table" and getmetatable(value) == "verdict"
end

--- Ends the case with a verdict: raises it.
function verdict.raise(given)
  error(verdict.new(given), 0)
end

--- Lower is kinder.
function verdict.rank(value)
  return RANK[value.verdict]
end

return verdict
