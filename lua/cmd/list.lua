-- h2probe list: the catalogue of cases, as a table, as JSON or as bare ids.
local results = require "h2probe.results"
local words = require "h2probe.words"

local KEYS = { "id", "title", "suite", "level", "req", "role", "modes", "h2spec" }

local function as_json(cases)
  local dkjson = require "dkjson"
  local list = setmetatable({}, { __jsontype = "array" })
  for i, case in ipairs(cases) do
    local entry = {}
    for _, key in ipairs(KEYS) do
      entry[key] = case[key]
    end
    for _, key in ipairs { "req", "modes", "h2spec" } do
      entry[key] = setmetatable({ table.unpack(case[key]) }, { __jsontype = "array" })
    end
    list[i] = entry
  end
  return dkjson.encode(list, { indent = true, keyorder = KEYS }) .. "\n"
end

local function as_ids(cases)
  local lines = {}
  for i, case in ipairs(cases) do
    lines[i] = case.id .. "\n"
  end
  return table.concat(lines)
end

-- A case names the role that its script plays: the other end is what it tests.
local function testing(cases, role)
  local list = {}
  for _, case in ipairs(cases) do
    if not role or case.role ~= role then
      list[#list + 1] = case
    end
  end
  return list
end

local function modes_of(case)
  return #case.modes == 3 and "all modes" or table.concat(case.modes, ", ")
end

local function as_table(cases)
  local lines, suite, count = {}, nil, 0
  for _, case in ipairs(cases) do
    if case.suite ~= suite then
      if suite then
        lines[#lines + 1] = ""
      end
      suite = case.suite
      lines[#lines + 1] = ("%s: %s"):format(case.suite, case.suite_title)
    end
    count = count + 1
    lines[#lines + 1] = ("  %-40s %-10s %-18s %s"):format(case.id:match("([^/]+)$"), case.level, case.req[1],
      modes_of(case))
  end
  lines[#lines + 1] = ""
  lines[#lines + 1] = count == 1 and "1 case" or ("%d cases"):format(count)
  return table.concat(lines, "\n") .. "\n"
end

return function(options)
  local sorted, message = words.sort(options.words)
  if sorted and sorted.url then
    sorted, message = nil, "list takes no URL"
  end
  if not sorted then
    words.say(message)
    return results.EXIT.usage
  end
  local cases, status = words.cases(sorted)
  if not cases then
    return status
  end
  cases = testing(cases, options.testing)
  if options.testing and #cases == 0 then
    words.say("none of these cases tests a " .. options.testing)
    return results.EXIT.nothing
  end
  local write = options.json and as_json or options.ids and as_ids or as_table
  return words.show(write(cases))
end
