-- What the console report says of gating: known failures in a group of their own, expectations that do not hold.
local gating = {}

local GROUP <const> = 20

--- What a result counts as: its verdict, or "expected" for a known failure.
function gating.counted(result)
  return result.expected_failure and "expected" or result.verdict
end

--- Lines of the head: settings file, profile, shard.
function gating.head(page, results)
  if results.settings_file then page:flow("  settings ", results.settings_file) end
  if results.profile then page:flow("  profile  ", results.profile) end
  if results.shard then
    page:flow("  shard    ", ("%d of %d"):format(results.shard.index, results.shard.total))
  end
end

-- The same entry in several modes is told once.
local function known(results)
  local list, by_key = {}, {}
  for _, result in ipairs(results) do
    local expected = result.expected_failure
    if expected then
      local key = table.concat({ result.id, result.verdict, tostring(expected.line), tostring(expected.file) }, "\0")
      if not by_key[key] then
        by_key[key] = { result = result, expected = expected, modes = {} }
        list[#list + 1] = by_key[key]
      end
      table.insert(by_key[key].modes, result.mode)
    end
  end
  return list
end

--- Known failures with their reasons.
function gating.known(page, results)
  local list = known(results.results)
  if #list == 0 then
    return
  end
  page:heading("expected failures" .. (results.expectations and
    (" (%s)"):format(page:printable(results.expectations.file)) or ""))
  local shown = (page.verbose or #list <= GROUP) and #list or GROUP - 1
  for i = 1, shown do
    local one = list[i]
    page:flow(("  %-6s"):format(one.result.verdict), ("%s (%s): %s"):format(one.result.id, table.concat(one.modes, ", "),
      one.expected.reason))
  end
  if shown < #list then
    page:flow("        ", ("... and %d more (--verbose)"):format(#list - shown))
  end
  page:add ""
end

--- Entries of the expectations file that do not hold: all, for each has to be dealt with.
function gating.problems(page, results)
  local problems = results.expectations and results.expectations.problems or {}
  if #problems == 0 then
    return
  end
  page:heading "expectations that do not hold"
  for _, problem in ipairs(problems) do
    page:flow("  ", problem.text, "fail")
  end
  page:add ""
end

--- "2 expectations that do not hold", or nil.
function gating.failed_text(results)
  local count = results.expectations and #results.expectations.problems or 0
  return count > 0 and ("%d %s not hold"):format(count, count == 1 and "expectation that does" or "expectations that do")
    or nil
end

-- A known failure proves something, a known skip does not.
local PROVES <const> = { warn = true, fail = true, error = true }

--- Whether something was proved although nothing passed: a known failure.
function gating.proved(results)
  for _, result in ipairs(results.results) do
    if result.expected_failure and PROVES[result.verdict] then
      return true
    end
  end
  return false
end

--- Whether the target died of nothing but known cases.
function gating.known_death(results)
  for _, result in ipairs(results.results) do
    if result.verdict == "error" and result.expected_failure then
      return results.summary.error == 0
    end
  end
  return false
end

--- Why nothing was to run, where that is well.
function gating.nothing_to_run(results)
  return #results.results == 0 and results.nothing_to_run or nil
end

--- The number of flakes that nobody expected.
function gating.flaky(results)
  local count = 0
  for _, flake in ipairs(results.flakes or {}) do
    count = count + (flake.expected_failure and 0 or 1)
  end
  return count
end

return gating
