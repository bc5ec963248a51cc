-- GitHub Actions: whether we run there, a log in which no peer can give commands, and the summary of the step.
local engine = require "h2probe.engine"
local files = require "h2probe.report_files"

local actions = {}

local SUMMARY_LIMIT <const> = 1024 * 1024 -- octets; GitHub refuses more, and then shows nothing at all

function actions.detected()
  return os.getenv "GITHUB_ACTIONS" == "true"
end

--- Two lines: between them the runner takes nothing for a command, whatever stands there.
function actions.quiet_words()
  local token = engine.hex(engine.random(16))
  return ("::stop-commands::%s\n"):format(token), ("::%s::\n"):format(token)
end

local function size_of(path)
  local file = io.open(path, "rb")
  if not file then
    return 0
  end
  local size = file:seek "end"
  file:close()
  return size or 0
end

--- Adds a text to the summary of the step, where there is one: `make(limit)` makes it, of at most so many octets.
-- True, or nil and one line.
function actions.summarize(make)
  local path = os.getenv "GITHUB_STEP_SUMMARY"
  if not path or path == "" then
    return true
  end
  local room = SUMMARY_LIMIT - size_of(path) - 1
  if room < 1000 then
    return true -- steps before this one filled it
  end
  return files.append(path, make(room) .. "\n")
end

return actions
