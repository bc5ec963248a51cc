-- Verdicts as the page shows them: in this order, with a word, a sign and what the word means.
local markup = require "h2probe.reports.html.markup"

local verdicts = {}

verdicts.ORDER = { "error", "fail", "warn", "inconclusive", "skip", "pass" }

local ROWS <const> = {
  error = { title = "Errors", sign = "✗", about = "The tester, the script or the way to the target failed, or the target died." },
  fail = { title = "Failed", sign = "✗", about = "A MUST or MUST NOT was not met." },
  warn = { title = "Warnings", sign = "!", about = "A SHOULD was not met, or the deviation is a soft one." },
  inconclusive = { title = "Inconclusive", sign = "?", about = "The run proved nothing, twice." },
  skip = { title = "Skipped", sign = "–", about = "The target does not offer what these cases need." },
  pass = { title = "Passed", sign = "✓", about = "An outcome that the requirement allows." },
}

--- Any verdict, also one that a later version has.
function verdicts.row(verdict)
  return ROWS[verdict] or { title = markup.text(verdict), sign = "?", about = "" }
end

--- The class of a verdict: one of the six, so that nothing else gets into an attribute.
function verdicts.class(verdict)
  return ROWS[verdict] and verdict or "other"
end

--- The sign and the word.
function verdicts.badge(verdict)
  return ('<span class="badge %s"><span aria-hidden="true">%s</span> %s</span>'):format(verdicts.class(verdict),
    verdicts.row(verdict).sign, markup.text(verdict))
end

--- Counts of a list of results by verdict, and `total`.
function verdicts.count(list)
  local counts = { total = #list }
  for _, result in ipairs(list) do
    local class = verdicts.class(result.verdict)
    counts[class] = (counts[class] or 0) + 1
  end
  return counts
end

--- The verdicts that occur, in order: class, row, count.
function verdicts.each(counts)
  local list = {}
  for _, class in ipairs { "error", "fail", "warn", "inconclusive", "other", "skip", "pass" } do
    if (counts[class] or 0) > 0 then
      list[#list + 1] = { class = class, row = class == "other" and { title = "Other", sign = "?", about = "" }
        or ROWS[class], count = counts[class] }
    end
  end
  return list
end

return verdicts
