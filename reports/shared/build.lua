-- A result as a build sees it, so that every report agrees with the exit status; and its texts, kept to a size.
local build = {}

local VERDICTS <const> = { "pass", "warn", "fail", "error", "inconclusive", "skip", "absent" }

--- A text that is not too long, and never cut inside a character.
function build.bounded(text, limit)
  text = tostring(text)
  if #text <= limit then
    return text
  end
  local last = limit
  while last > limit - 4 and text:find("^[\128-\191]", last + 1) do
    last = last - 1
  end
  return ("%s ... (%d octets more)"):format(text:sub(1, last), #text - last)
end

--- The first lines, each bounded, as many as there is room for; the last says how many are missing.
function build.limited(lines, value, room)
  local out = {}
  for i, line in ipairs(lines) do
    out[i] = build.bounded(line, value)
    room = room - #out[i] - 1
    if room < 0 then
      out[i] = ("(%d lines more)"):format(#lines - i + 1)
      break
    end
  end
  return out
end

--- "pass 4, skip 1": how often there was each verdict.
function build.counts(verdicts)
  local parts = {}
  for _, verdict in ipairs(VERDICTS) do
    if verdicts[verdict] then
      parts[#parts + 1] = ("%s %d"):format(verdict, verdicts[verdict])
    end
  end
  return table.concat(parts, ", ")
end

--- What identifies a result.
function build.key(result)
  return result.id .. " " .. result.mode
end

--- By key: what is to be said of verdicts that changed between rounds, where nobody expected it.
function build.flakes(results)
  local by_key = {}
  for _, flake in ipairs(results.flakes or {}) do
    by_key[build.key(flake)] = not flake.expected_failure and "the verdict changed between rounds: " .. build.counts(flake.verdicts) or nil
  end
  return by_key
end

--- What is wrong with the expectations themselves: lines that are failures of their own.
function build.problems(results)
  local lines = {}
  for i, problem in ipairs(results.expectations and results.expectations.problems or {}) do
    lines[i] = problem.text
  end
  return lines
end

--- Verdict and message: a warning under --strict and a verdict that changes are failures, and a failure that was
-- expected is "expected". `flake` is what build.flakes has for the result.
function build.judged(result, strict, flake)
  local verdict, message = result.verdict, result.observed or result.verdict
  if flake and (result.expected_failure or verdict ~= "fail" and verdict ~= "error") then
    return "fail", flake
  end
  if result.expected_failure then
    return "expected", ("expected %s: %s"):format(verdict, result.expected_failure.reason or "no reason given")
  end
  if verdict == "warn" and strict then
    return "fail", message
  end
  return verdict, message
end

--- A case that the end of the run came before: an error that has nothing to tell.
function build.was_run(result)
  return not (result.observed or ""):find "^not run: "
end

--- Lines of the conversation.
function build.transcript(result)
  local out = {}
  for _, entry in ipairs(result.transcript or {}) do
    out[#out + 1] = ("%8.3f ms %s %s"):format(entry.time * 1000,
      entry.kind == "note" and "--" or entry.sent and "->" or "<-", entry.text)
    for _, line in ipairs(entry.lines or {}) do
      out[#out + 1] = "                 " .. line
    end
  end
  return out
end

--- What came out alike in several modes, once: a list of { result, verdict, message, modes }. `wanted(verdict, result)`
-- chooses.
function build.blocks(results, strict, wanted)
  local list, by_text, flakes = {}, {}, build.flakes(results)
  for _, result in ipairs(results.results) do
    local verdict, message = build.judged(result, strict, flakes[build.key(result)])
    if wanted(verdict, result) then
      local text = table.concat({ result.id, verdict, tostring(result.row), tostring(result.expected), message }, "\0")
      local block = by_text[text]
      if not block then
        block = { result = result, verdict = verdict, message = message, modes = {} }
        by_text[text], list[#list + 1] = block, block
      end
      if block.modes[#block.modes] ~= result.mode then
        block.modes[#block.modes + 1] = result.mode
      end
    end
  end
  return list
end

return build
