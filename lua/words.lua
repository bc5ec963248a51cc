-- The words of a command line: which is the URL, which are files, which select.
local args = require "h2probe.args"
local engine = require "h2probe.engine"
local loader = require "h2probe.loader"
local requirements = require "h2probe.requirements"
local results = require "h2probe.results"
local selection = require "h2probe.selection"
local url = require "h2probe.url"

local words = {}

local MAX_MISTAKES = 20
local STDOUT <const> = 1

function words.say(text)
  io.stderr:write("h2probe: ", args.printable(text), "\n")
end

--- Writes what the user asked for to standard output; the exit status.
function words.show(text)
  local ok, code, message = engine.write(STDOUT, text)
  if ok then
    return results.EXIT.ok
  end
  words.say(("standard output: %s"):format(message or code))
  return results.EXIT.internal
end

--- One line for each mistake, not too many.
function words.say_all(mistakes)
  for i, mistake in ipairs(mistakes) do
    if i > MAX_MISTAKES then
      words.say(("and %d more"):format(#mistakes - MAX_MISTAKES))
      return
    end
    words.say(mistake)
  end
end

local function is_file(word)
  return word:find("%.lua$") ~= nil
end

--- { url =, files = list, selected = list }, or nil and one line.
function words.sort(list)
  local sorted = { files = {}, selected = {} }
  for _, word in ipairs(list) do
    if url.looks_like(word) then
      if sorted.url then
        return nil, ("two URLs: '%s' and '%s'"):format(sorted.url, word)
      end
      sorted.url = word
    elseif is_file(word) then
      sorted.files[#sorted.files + 1] = word
    else
      sorted.selected[#sorted.selected + 1] = word
    end
  end
  return sorted
end

--- The cases whose script plays this role ("client" tests servers).
function words.of_role(cases, role)
  local list = {}
  for _, case in ipairs(cases) do
    list[#list + 1] = case.role == role and case or nil
  end
  return list
end

local function of_files(cases, files)
  local named = {}
  for _, path in ipairs(files) do
    named[path] = true
  end
  local list = {}
  for _, case in ipairs(cases) do
    if named[case.file] then
      list[#list + 1] = case
    end
  end
  return list
end

local function merged(cases, a, b)
  local wanted, list = {}, {}
  for _, part in ipairs { a, b } do
    for _, case in ipairs(part) do
      wanted[case] = true
    end
  end
  for _, case in ipairs(cases) do
    if wanted[case] then
      list[#list + 1] = case
    end
  end
  return list
end

--- The cases that sorted words select, and all cases; or nil and the exit status, the mistakes told.
function words.cases(sorted)
  local rows, message = requirements.load()
  if not rows then
    words.say(message)
    return nil, results.EXIT.internal
  end
  local cases, mistakes = loader.all(sorted.files)
  if not cases then
    words.say_all(mistakes)
    return nil, results.EXIT.usage
  end
  local from_files = of_files(cases, sorted.files)
  if #sorted.files > 0 and #sorted.selected == 0 then
    return from_files, cases
  end
  local chosen, unknown, known = selection.choose(cases, sorted.selected, rows)
  if not chosen then
    words.say(unknown)
    return nil, known and results.EXIT.nothing or results.EXIT.usage
  end
  return merged(cases, from_files, chosen), cases
end

--- Every case of this build, for words that only have to be known; or nil and the exit status.
function words.catalogue()
  return words.cases { files = {}, selected = {} }
end

return words
