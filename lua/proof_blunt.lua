-- What comes of blunt peers, and of sound servers with odd manners (lua/server/blunt.lua, manners.lua): green or not, and
-- with a table of expectations each single verdict.
--
-- A row of the table: peer, cases, verdicts. `cases` is the start of an id, a glob, or `exit`, whose verdicts are exit
-- statuses; the first row that fits a result decides which verdicts are good.
local blunt = require "h2probe.server.blunt"
local campaign = require "h2probe.campaign"
local resources = require "h2probe.resources"
local results = require "h2probe.results"
local selection = require "h2probe.selection"
local words = require "h2probe.words"

local proof = {}

local EXIT = results.EXIT
local BLUNT <const>, LONGEST <const> = 0.3, 1 -- seconds: nothing is to be waited for
local PATIENT <const> = 10 -- for a server that keeps every rule in its own time
local MOST_SHOWN <const> = 20

local function is_blunt(name)
  for _, each in ipairs(blunt.names()) do
    if each == name then
      return true
    end
  end
  return false
end

-- The rows for a peer, or nil and what is wrong with the table.
local function expectations(path, peer)
  local text, message = resources.file(path)
  if not text then
    return nil, message
  end
  local rows, number = {}, 0
  for line in text:gmatch "([^\n]*)\n?" do
    number = number + 1
    local name, cases, verdicts = line:match "^([^\t]+)\t([^\t]+)\t([^\t]+)$"
    if line ~= "" and not line:find "^#" and not name then
      return nil, ("%s:%d: not a row of peer, cases, verdicts"):format(path, number)
    elseif name == peer then
      local good = {}
      for verdict in verdicts:gmatch "%S+" do
        good[verdict] = true
      end
      rows[#rows + 1] = { cases = cases, verdicts = verdicts, good = good }
    end
  end
  if #rows == 0 then
    return nil, ("%s: no row for '%s'"):format(path, peer)
  end
  return rows
end

local function row_for(rows, id)
  for _, row in ipairs(rows) do
    if row.cases ~= "exit" and (row.cases == "*" or selection.choose({ { id = id, h2spec = {}, req = {}, suite = "" } },
        { row.cases }, {})) then
      return row
    end
  end
end

-- The lines about what is not as expected.
local function unexpected(rows, status, list)
  local lines = {}
  for _, row in ipairs(rows) do
    if row.cases == "exit" and not row.good[tostring(status)] then
      lines[#lines + 1] = ("exit status %d instead of %s"):format(status, row.verdicts)
    end
  end
  for _, result in ipairs(list or {}) do
    local row = row_for(rows, result.id)
    if row and not row.good[result.verdict] then
      lines[#lines + 1] = ("%s (%s): %s instead of %s%s"):format(result.id, result.mode, result.verdict, row.verdicts,
        result.observed and ": " .. result.observed or "")
    end
  end
  return lines
end

local function show(lines)
  if #lines > MOST_SHOWN then
    lines[MOST_SHOWN] = ("and %d more"):format(#lines - MOST_SHOWN + 1)
    lines = table.move(lines, 1, MOST_SHOWN, 1, {})
  end
  for i, line in ipairs(lines) do
    lines[i] = line:gsub("[%c\127-\255]", "?")
  end
  return words.show(table.concat(lines, "\n") .. "\n")
end

--- Runs the cases against the peer that options.blunt names. host: { start(options) -> server, aim(server), command }.
-- The exit status: good if it is as expected; without a table, if a blunt peer is not green and a mannered one is.
function proof.run(options, cases, host)
  local name, rows = options.blunt, nil
  if options.expect then
    local message
    rows, message = expectations(options.expect, name)
    if not rows then
      words.say(message)
      return EXIT.usage
    end
  end
  local hopeless = is_blunt(name)
  local peer = host.start { blunt = hopeless and name or nil, manner = not hopeless and name or nil }
  local status, why, list = campaign.judge { cases = cases, aim = host.aim(peer), jobs = 32, command = host.command,
    timeout = options.timeout or (hopeless and BLUNT or PATIENT), longest = hopeless and LONGEST or nil }
  peer:stop()
  local lines = rows and unexpected(rows, status, list) or {}
  local good = rows and #lines == 0 or not rows and (status == EXIT.ok) ~= hopeless
  lines[#lines + 1] = ("the peer '%s': exit status %d: %s"):format(name, status, why)
  local shown = show(lines)
  return shown ~= EXIT.ok and shown or (good and EXIT.ok or EXIT.failed)
end

return proof
