-- What a server writes of its own crash: reports of sanitizers, and of supervisors whose worker died, found in its log.
local crash_report = {}

local MAX_REPORT <const> = 64 * 1024
local MAX_SUMMARY <const> = 300
local MAX_LINE <const> = 4096

-- What every first line of a report holds: a log without these is done with at once.
local HINTS <const> = { "Sanitizer: ", ": runtime error: ", " exited on signal ", " exit signal ", "panicked at ", "panic serving " }

local function basename(path)
  return path:match "[^/]+$" or path
end

-- "AddressSanitizer: heap-use-after-free PATH/foo.c:12:5 in main" without what differs from machine to machine.
local function of_summary(tool, text)
  local what, place, fn = text:match "^(.-) (%S+:%d+) in (.+)$"
  if what then
    return ("%s: %s in %s (%s)"):format(tool, what, basename(place), fn)
  end
  what, place = text:match "^(.-) (%S+:%d+)$"
  return ("%s: %s"):format(tool, what and ("%s in %s"):format(what, basename(place)) or text)
end

-- A sanitizer's report ends with its summary, or when it says that it aborts.
local function sanitizer(tool, first)
  return function(body)
    local said, after = body:match "\nSUMMARY: %w+Sanitizer: ([^\n]*)\n?()"
    local _, aborting = body:find("\n==%d+==ABORTING[^\n]*\n?")
    local text = said or first:gsub(" on address 0x.*", ""):gsub(" on unknown address 0x.*", "")
    return of_summary(tool, text), aborting or (after and after - 1) or #body, said ~= nil, aborting ~= nil
  end
end

-- One line, and what is indented below it.
local function undefined(place, text)
  return function(body)
    local last = body:find("\n", 1, true) or #body
    while true do
      local _, finish = body:find("^[ \t][^\n]*\n?", last + 1)
      finish = finish or select(2, body:find("^SUMMARY: [^\n]*\n?", last + 1))
      if not finish then
        break
      end
      last = finish
    end
    return ("UndefinedBehaviorSanitizer: %s in %s"):format(text, basename(place)), last, body:find("\n", 1, true) ~= nil
  end
end

local function one_line(summary)
  return function(body)
    local finish = body:find("\n", 1, true)
    return summary, finish or #body, finish ~= nil
  end
end

-- Patterns of first lines; each makes the reader of what follows.
local KINDS <const> = {
  { "==%d+==%s*ERROR: (%w+Sanitizer): ([^\n]*)", sanitizer },
  { "==%d+==%s*WARNING: (MemorySanitizer): ([^\n]*)", sanitizer },
  { "WARNING: (ThreadSanitizer): ([^\n]*)", sanitizer },
  { "([^%s:]+:%d+:%d+): runtime error: ([^\n]*)", undefined },
  { "worker process %d+ exited on signal (%d+)", function(number)
    return one_line("a worker process was ended by signal " .. number)
  end },
  { "child pid %d+ exit signal ([%a ]+%(%d+%))", function(text)
    return one_line("a child process was ended by a signal: " .. text)
  end },
  { "thread '[^'\n]*'[^\n]* panicked at ([^\n]*)", function(text) return one_line("panicked at " .. text) end },
  { "(panic serving [^\n]*)", one_line },
}

local function hinted(text)
  for _, hint in ipairs(HINTS) do
    if text:find(hint, 1, true) then
      return true
    end
  end
  return false
end

local function line_start(text, at)
  local from = math.max(1, at - MAX_LINE)
  local line = text:sub(from, at - 1):match ".*\n()"
  return line and from + line - 1 or from
end

-- The earliest first line from a position on: where it begins and the reader.
local function first_line(text, from)
  local start, reader
  for _, kind in ipairs(KINDS) do
    local at, _, a, b = text:find(kind[1], from)
    if at and (not start or at < start) then
      start, reader = at, kind[2](a, b)
    end
  end
  if start then
    return line_start(text, start), reader
  end
end

--- The position of the first report's first line in a log, or nil. `from`: where to begin.
function crash_report.find(text, from)
  if hinted(text) then
    return (first_line(text, from or 1))
  end
end

--- The first report from a position on: { summary (one line), text, first, last (positions), complete, aborting }, or nil.
function crash_report.read(text, from)
  if not hinted(text) then
    return nil
  end
  local first, reader = first_line(text, from or 1)
  if not first then
    return nil
  end
  local body = text:sub(first, first + MAX_REPORT - 1)
  local summary, length, complete, aborting = reader(body)
  return { summary = summary:sub(1, MAX_SUMMARY), text = body:sub(1, length), first = first, last = first + length - 1,
    complete = complete, aborting = aborting }
end

--- All reports of a log, oldest first.
function crash_report.all(text)
  local list, report = {}, crash_report.read(text)
  while report do
    list[#list + 1] = report
    report = crash_report.read(text, report.last + 1)
  end
  return list
end

--- The last lines of a log, for people: at most `count`, none longer than a screen.
function crash_report.tail(text, count)
  local lines = {}
  for line in text:gmatch "[^\r\n]+" do
    lines[#lines + 1] = #line > 500 and line:sub(1, 500) .. "..." or line
  end
  return table.concat(lines, "\n", math.max(1, #lines - count + 1))
end

return crash_report
