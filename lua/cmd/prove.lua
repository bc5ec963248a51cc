-- h2probe prove: the kill matrix. Each case passes on the sound reference server and catches its guilty peers.
local campaign = require "h2probe.campaign"
local engine = require "h2probe.engine"
local preflight = require "h2probe.preflight"
local results = require "h2probe.results"
local rules = require "h2probe.rules"
local runner = require "h2probe.runner"
local server = require "h2probe.server"
local targets = require "h2probe.targets"
local words = require "h2probe.words"

local EXIT = results.EXIT

-- A sound server gets all the time it needs; a guilty one that says nothing need not be waited for that long.
local SOUND <const>, GUILTY <const>, BLUNT <const> = 2, 0.5, 0.3
local LONGEST <const> = 1 -- for cases that wait longer by themselves

local Proof = {}
Proof.__index = Proof

local function started(options)
  local made, code, message = server.start(options)
  if not made then
    error(("the reference server does not start: %s"):format(message or code), 0)
  end
  return made
end

local function all_offered(modes)
  local offers = {}
  for _, mode in ipairs(modes) do
    offers[mode] = { offered = true }
  end
  return offers
end

local function command(case, mode)
  return ("h2probe run %s --mode %s"):format(case and case.id or "", mode)
end

-- The sound server's resources are those of its guilty twins.
function Proof:targets_of(peer)
  local aim = assert(targets.of_server(peer, { mode = self.options.mode }))
  for _, target in pairs(aim.targets) do
    target.paths, target.large_size, target.has = self.known.paths, self.known.large_size, {}
    target.status = self.known.status
    for need, value in pairs(self.known.has) do
      target.has[need] = value
    end
    target.has.h1, target.has.upgrade = true, target.scheme == "http"
  end
  return aim
end

function Proof:run(cases, peer, jobs, timeout, longest)
  local aim = self:targets_of(peer)
  local run = runner.run { cases = cases, modes = aim.modes, targets = aim.targets, offers = all_offered(aim.modes),
    jobs = jobs, timeout = self.options.timeout or timeout, longest = longest, command = command,
    unguarded = true }
  local by_key = {}
  for _, entry in ipairs(run.entries) do
    by_key[entry.result.id .. " " .. entry.result.mode] = entry.result
  end
  return by_key
end

function Proof:complain(case, mode, text)
  self.unproven[case] = self.unproven[case] or {}
  table.insert(self.unproven[case], ("%s (%s): %s"):format(case.id, mode, text))
end

local function said(result)
  local row = result.row and (" [%s]"):format(result.row) or ""
  return result.verdict .. row .. (result.observed and ": " .. result.observed or "")
end

function Proof:modes_of(case)
  local list = {}
  for _, mode in ipairs(case.modes) do
    if self.asked[mode] then
      list[#list + 1] = mode
    end
  end
  return list
end

-- Every case on one sound server, side by side.
function Proof:sound(peer)
  local by_key = self:run(self.cases, peer, 2 * self.options.jobs, SOUND)
  for _, case in ipairs(self.cases) do
    for _, mode in ipairs(self:modes_of(case)) do
      local result = by_key[case.id .. " " .. mode]
      if not result or result.verdict ~= "pass" then
        self:complain(case, mode, "the sound server: " .. (result and said(result) or "not run"))
      end
    end
  end
  for key, result in pairs(by_key) do
    if key:find("^watch/") then
      self.false_alarms[#self.false_alarms + 1] = ("%s (%s): the sound server: %s"):format(result.id, result.mode,
        said(result))
    end
  end
end

function Proof:guilty(case, text)
  local id, way = rules.parse(text)
  if not id then
    return self:complain(case, "all", way)
  end
  local peer = started { violate = { [id] = way } }
  local by_key = self:run({ case }, peer, 4, GUILTY, LONGEST)
  peer:stop()
  local wanted = case.caught
  for _, mode in ipairs(self:modes_of(case)) do
    local result = by_key[case.id .. " " .. mode]
    if not result or result.verdict ~= wanted then
      self:complain(case, mode, ("guilty of %s: %s instead of %s"):format(text, result and said(result) or "not run",
        wanted))
    elseif self.options.verbose then
      self.proofs[#self.proofs + 1] = ("%s (%s): guilty of %s: %s"):format(case.id, mode, text, said(result))
    end
  end
end

function Proof:matrix()
  local queue, at = {}, 0
  for _, case in ipairs(self.cases) do
    for _, text in ipairs(case.violate) do
      queue[#queue + 1] = { case, text }
    end
  end
  local function worker()
    while at < #queue do
      at = at + 1
      self:guilty(queue[at][1], queue[at][2])
    end
  end
  local tasks = {}
  for i = 1, math.min(self.options.jobs, #queue) do
    tasks[i] = engine.spawn(worker, { name = "prove " .. i, on_done = function() end })
  end
  for _, task in ipairs(tasks) do
    local ok, message, traceback = task:join(3600)
    if not ok then
      error(tostring(message) .. "\n" .. tostring(traceback), 0)
    end
  end
end

function Proof:report()
  local proven, lines = 0, self.proofs
  table.sort(lines)
  for _, case in ipairs(self.cases) do
    local complaints = self.unproven[case]
    proven = proven + (complaints and 0 or 1)
    for _, text in ipairs(complaints or {}) do
      lines[#lines + 1] = text
    end
  end
  table.sort(self.false_alarms)
  for _, text in ipairs(self.false_alarms) do
    lines[#lines + 1] = text
  end
  lines[#lines + 1] = ("cases %d, proven %d"):format(#self.cases, proven)
  for i, text in ipairs(lines) do
    lines[i] = text:gsub("[%c\127-\255]", "?")
  end
  local shown = words.show(table.concat(lines, "\n") .. "\n")
  local good = proven == #self.cases and #self.false_alarms == 0
  return shown ~= EXIT.ok and shown or (good and EXIT.ok or EXIT.failed)
end

local function prove(options, cases)
  local peer = started {}
  local aim, message = targets.of_server(peer, { mode = options.mode })
  local look = aim and preflight.look { targets = aim.targets, modes = aim.modes, timeout = options.timeout or SOUND }
  if not look then
    peer:stop()
    words.say(message or "the sound reference server does not pass the pre-flight")
    return EXIT.failed
  end
  local self = setmetatable({ options = options, cases = cases, unproven = {}, proofs = {}, false_alarms = {}, asked = {},
    known = aim.targets[look.main] }, Proof)
  for _, mode in ipairs(aim.modes) do
    self.asked[mode] = true
  end
  self:sound(peer)
  peer:stop()
  self:matrix()
  return self:report()
end

-- Blunt peers -------------------------------------------------------------------------------------------

local function blunt(options, cases)
  local peer = started { blunt = options.blunt }
  local aim = assert(targets.of_server(peer, { mode = options.mode }))
  local status, why = campaign.judge { cases = cases, aim = aim, timeout = options.timeout or BLUNT,
    longest = LONGEST, jobs = 32, command = command }
  peer:stop()
  if status == EXIT.ok then
    io.stdout:write(("the blunt peer '%s' came out green\n"):format(options.blunt))
    return EXIT.failed
  end
  io.stdout:write(("the blunt peer '%s' did not come out green: exit status %d: %s\n"):format(options.blunt, status,
    why))
  return EXIT.ok
end

local function testing_servers(cases)
  local list = {}
  for _, case in ipairs(cases) do
    if case.role == "client" then
      list[#list + 1] = case
    end
  end
  return list
end

return function(options)
  local sorted, message = words.sort(options.words)
  if sorted and sorted.url then
    sorted, message = nil, "prove takes no URL: it starts its own servers"
  end
  if not sorted then
    words.say(message)
    return EXIT.usage
  end
  local cases, status = words.cases(sorted)
  if not cases then
    return status
  end
  cases = testing_servers(cases)
  return (options.blunt and blunt or prove)(options, cases)
end
