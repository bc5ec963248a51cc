-- h2probe explain: a case with its requirement, or a requirement with its cases.
local loader = require "h2probe.loader"
local requirements = require "h2probe.requirements"
local results = require "h2probe.results"
local selection = require "h2probe.selection"
local words = require "h2probe.words"

local WIDTH = 90
local INDENT = "  "

-- Text in lines of a width, each behind the indent.
local function wrapped(text, indent)
  local lines, line = {}, ""
  for word in text:gmatch("%S+") do
    if line ~= "" and #line + #word + 1 > WIDTH - #indent then
      lines[#lines + 1] = indent .. line
      line = word
    else
      line = line == "" and word or line .. " " .. word
    end
  end
  lines[#lines + 1] = indent .. line
  return table.concat(lines, "\n")
end

local function where_to_read(id)
  local rfc, section = requirements.section(id)
  if not rfc then
    return nil
  end
  return ("RFC %s section %s, https://www.rfc-editor.org/rfc/rfc%s#section-%s"):format(rfc, section, rfc, section)
end

local function requirement_lines(row)
  local lines = { ("%s  %s, binds: %s"):format(row.id, row.level, row.on), wrapped(row.statement, INDENT) }
  if row.note ~= "" then
    lines[#lines + 1] = wrapped("outcomes: " .. row.note, INDENT)
  end
  if row.how ~= "" then
    lines[#lines + 1] = wrapped("seen by: " .. row.how, INDENT)
  end
  lines[#lines + 1] = INDENT .. (where_to_read(row.id) or "")
  return lines
end

local function joined(list)
  return #list > 0 and table.concat(list, ", ") or "none"
end

local function explain_case(case, rows)
  local lines = { case.id, wrapped(case.title, INDENT), "" }
  local function member(name, value)
    lines[#lines + 1] = ("%s%-10s %s"):format(INDENT, name, value)
  end
  member("suite", ("%s (%s)"):format(case.suite, case.suite_title))
  member("level", case.gentle and case.level .. " (a deviation is a warning)" or case.level)
  member("modes", joined(case.modes))
  member("role", case.role == "client" and "tests a server" or "tests a client")
  member("starts", case.start)
  member("h2spec", joined(case.h2spec))
  if #case.needs > 0 then
    member("needs", joined(case.needs))
  end
  if case.each then
    member("runs", ("%d, each on a connection of its own"):format(#case.each))
  end
  member("written", case.location)
  member("run it", (case.role == "server" and "h2probe client %s -- COMMAND {url}" or "h2probe run URL %s"):format(case.id))
  for _, id in ipairs(case.req) do
    lines[#lines + 1] = ""
    for _, line in ipairs(requirement_lines(rows[id])) do
      lines[#lines + 1] = line
    end
  end
  return table.concat(lines, "\n")
end

local function explain_requirement(row, cases)
  local lines = requirement_lines(row)
  lines[#lines + 1] = ""
  local found = 0
  for _, case in ipairs(cases) do
    for _, id in ipairs(case.req) do
      if id == row.id then
        found = found + 1
        lines[#lines + 1] = ("%s%s"):format(INDENT, case.id)
      end
    end
  end
  if found == 0 then
    lines[#lines + 1] = INDENT .. "no case judges it; the watchman may"
  else
    lines[#lines + 1] = ("%srun: h2probe run URL %s"):format(INDENT, row.id)
  end
  return table.concat(lines, "\n")
end

local function explain(word, cases, rows)
  if rows[word] then
    return explain_requirement(rows[word], cases)
  end
  local watched = word:match("^watch/(.+)$")
  if watched and rows[watched] then
    return explain_requirement(rows[watched], cases)
  end
  local chosen, message = selection.choose(cases, { word }, rows)
  if not chosen then
    return nil, message
  end
  local texts = {}
  for _, case in ipairs(chosen) do
    texts[#texts + 1] = explain_case(case, rows)
  end
  return table.concat(texts, "\n\n")
end

return function(options)
  local rows = assert(requirements.load())
  local cases, mistakes = loader.all()
  if not cases then
    words.say_all(mistakes)
    return results.EXIT.usage
  end
  local texts = {}
  for _, word in ipairs(options.words) do
    local text, message = explain(word, cases, rows)
    if not text then
      words.say(message)
      return results.EXIT.usage
    end
    texts[#texts + 1] = text
  end
  return words.show(table.concat(texts, "\n\n") .. "\n")
end
