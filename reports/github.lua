-- GitHub Actions: a workflow command for each failure and warning, which GitHub shows as an annotation.
-- The summary of the step is the Markdown report (lua/actions.lua writes it).
local build = require "h2probe.reports.shared.build"
local console = require "h2probe.reports.console"
local text = require "h2probe.reports.console.text"

-- It stands beside another report on standard output.
local github = { extension = "txt", beside = true }

local SHOWN <const> = 10 -- GitHub shows so many errors and so many warnings of a step
local VALUE <const> = 1000
local NAMES <const> = 50

local function data(value)
  return (value:gsub("[%%\r\n]", { ["%"] = "%25", ["\r"] = "%0D", ["\n"] = "%0A" }))
end

local function property(value)
  return (data(value):gsub(":", "%%3A"):gsub(",", "%%2C"))
end

local function shown(value)
  return text.printable(build.bounded(value, VALUE), true)
end

local function shown_lines(lines)
  local out = {}
  for i, line in ipairs(lines) do
    out[i] = i <= NAMES and shown(line) or nil
  end
  out[#out + 1] = #lines > NAMES and ("and %d more"):format(#lines - NAMES) or nil
  return out
end

-- Where a script of the user's is; the suites of the product are in nobody's repository.
local function place(result)
  local path, line = (result.location or ""):match "^(.+):(%d+)$"
  if not path or path:find "^suites/" then
    return ""
  end
  return (",file=%s,line=%s"):format(property(shown(path)), line)
end

local function command(kind, title, lines, where)
  return ("::%s title=%s%s::%s\n"):format(kind, property(title), where or "", data(table.concat(lines, "\n")))
end

local function annotation(kind, block)
  local result, lines = block.result, {}
  local ids = result.req and table.concat(result.req, ", ") or ""
  if ids ~= "" then
    lines[1] = shown(("%s%s%s"):format(ids, result.level and (" (%s)"):format(result.level) or "",
      result.statement and ": " .. result.statement or ""))
  end
  local function add(label, value)
    lines[#lines + 1] = value and ("%s: %s"):format(label, shown(value)) or nil
  end
  add("row", result.row)
  add("expected", result.expected ~= result.statement and result.expected or nil)
  add("observed", block.message)
  add("again", result.command)
  return command(kind, ("h2probe: %s (%s)"):format(shown(result.id), shown(table.concat(block.modes, ", "))), lines,
    place(result))
end

-- No more than are shown; the last then names those that are left.
local function annotations(out, kind, blocks, room)
  local last = #blocks <= room and #blocks or room - 1
  for i = 1, last do
    out[#out + 1] = annotation(kind, blocks[i])
  end
  if last == #blocks then
    return
  end
  local names = {}
  for i = last + 1, #blocks do
    names[#names + 1] = ("%s (%s)"):format(blocks[i].result.id, table.concat(blocks[i].modes, ", "))
  end
  out[#out + 1] = command(kind, ("h2probe: %d more"):format(#names), shown_lines(names))
end

--- Workflow commands, one a line.
function github.write(results, options)
  local strict = options and options.strict
  local out = {}
  local _, sentence, status = console.conclusion(results, strict)
  if results.died or results.interrupted or status == 5 then
    out[1] = command("error", "h2probe", { shown(sentence) })
  end
  local problems = build.problems(results)
  if #problems > 0 then
    out[#out + 1] = command("error", "h2probe: expectations that do not hold", shown_lines(problems))
  end
  annotations(out, "error", build.blocks(results, strict, function(verdict, result)
    return (verdict == "fail" or verdict == "error") and build.was_run(result)
  end), SHOWN - #out)
  annotations(out, "warning", build.blocks(results, strict, function(verdict) return verdict == "warn" end), SHOWN)
  return table.concat(out)
end

return github
