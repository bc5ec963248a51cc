-- h2probe prove: the kill matrix. Each case passes on the sound reference server (or client) and catches its guilty peers.
local engine = require "h2probe.engine"
local preflight = require "h2probe.preflight"
local proof_blunt = require "h2probe.proof_blunt"
local proof_watch = require "h2probe.proof_watch"
local results = require "h2probe.results"
local rules = require "h2probe.rules"
local runner = require "h2probe.runner"
local server = require "h2probe.server"
local targets = require "h2probe.targets"
local under_test = require "h2probe.under_test"
local words = require "h2probe.words"

local EXIT = results.EXIT

-- A sound server gets all the time it needs; a guilty one that says nothing need not be waited for that long.
local SOUND <const>, GUILTY <const> = 2, 0.5
local LONGEST <const> = 1 -- for cases that wait longer by themselves

local Proof = {}
Proof.__index = Proof

-- Each side of the proof, by the role that its cases play: how a peer of it is started, and what cases need to know of it.
local sides = { client = { peer = "server" }, server = { peer = "client" } }

-- Clients are tasks of this process; each case starts its own.
function sides.server.start(options)
  return { driver = under_test.reference(options.violate), stop = function() end }
end

function sides.server.targets_of(self, peer)
  local modes, all = targets.modes(nil, self.options.mode), {}
  for _, mode in ipairs(modes) do
    all[mode] = { scheme = mode == "alpn" and "https" or "http", host = "localhost", path = "/", client = peer.driver }
  end
  return { targets = all, modes = modes }
end

local function started(options)
  local made, code, message = server.start(options)
  if not made then
    error(("the reference server does not start: %s"):format(message or code), 0)
  end
  return made
end

sides.client.start = started

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
function sides.client.targets_of(self, peer)
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
  local aim = self.side.targets_of(self, peer)
  local run = runner.run { role = self.role, cases = cases, modes = aim.modes, targets = aim.targets, offers = all_offered(aim.modes),
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
        self:complain(case, mode, ("the sound %s: %s"):format(self.side.peer, result and said(result) or "not run"))
      end
    end
  end
  for key, result in pairs(by_key) do
    if key:find("^watch/") then
      self.false_alarms[#self.false_alarms + 1] = ("%s (%s): the sound %s: %s"):format(result.id, result.mode,
        self.side.peer, said(result))
    end
  end
end

function Proof:guilty(case, text)
  local id, way = rules.parse(text, self.side.peer)
  if not id then
    return self:complain(case, "all", way)
  end
  local peer = self.side.start { violate = { [id] = way } }
  -- What is caught by a warning was answered: that may take its time.
  local by_key = self:run({ case }, peer, 4, case.caught == "warn" and SOUND or GUILTY, LONGEST)
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
  if self.rules then
    lines[#lines + 1] = ("watch rules %d, proven %d"):format(self.rules, self.rules_proven)
  end
  lines[#lines + 1] = ("cases %d, proven %d"):format(#self.cases, proven)
  for i, text in ipairs(lines) do
    lines[i] = text:gsub("[%c\127-\255]", "?")
  end
  local shown = words.show(table.concat(lines, "\n") .. "\n")
  local good = proven == #self.cases and #self.false_alarms == 0 and self.rules == self.rules_proven
  return shown ~= EXIT.ok and shown or (good and EXIT.ok or EXIT.failed)
end

-- What the sound server has is known before its guilty twins are tried.
function sides.client.look(self, peer)
  local aim, message = targets.of_server(peer, { mode = self.options.mode })
  local look = aim and preflight.look { targets = aim.targets, modes = aim.modes,
    timeout = self.options.timeout or SOUND }
  self.known = look and aim.targets[look.main]
  return look ~= nil, message or "the sound reference server does not pass the pre-flight"
end

function sides.server.look()
  return true
end

function Proof:prove_side(role, cases)
  self.role, self.side, self.cases = role, sides[role], cases
  local peer = self.side.start {}
  local ok, message = self.side.look(self, peer)
  if ok then
    self:sound(peer)
  end
  peer:stop()
  if not ok then
    return nil, message
  end
  self:matrix()
  return true
end

-- The watchman ----------------------------------------------------------------------------------------------

-- The rules of one role against their guilty peers, in an ordinary run of some of all cases.
function Proof:watch_rules(role, all, ids)
  local function run(cases, peer, mode)
    local part = setmetatable({ options = { mode = mode, timeout = self.options.timeout }, known = self.known,
      role = role, side = sides[role] }, Proof)
    return part:run(cases, peer, 8, GUILTY, LONGEST)
  end
  local count, proven, lines = proof_watch.run({ role = role, cases = all, start = sides[role].start, run = run,
    jobs = self.options.jobs, verbose = self.options.verbose }, ids)
  table.move(lines, 1, #lines, #self.proofs + 1, self.proofs)
  self.rules, self.rules_proven = (self.rules or 0) + count, (self.rules_proven or 0) + proven
end

function Proof:watchman(all, ids)
  local peer = started {}
  local ok, message = sides.client.look(self, peer)
  peer:stop()
  if not ok then
    return nil, message
  end
  self:watch_rules("client", all, ids)
  self:watch_rules("server", all, ids)
  return true
end

local function prove(options, cases, all, watched)
  local self = setmetatable({ options = options, unproven = {}, proofs = {}, false_alarms = {}, asked = {} }, Proof)
  for _, mode in ipairs(targets.modes(nil, options.mode)) do
    self.asked[mode] = true
  end
  for _, role in ipairs { "client", "server" } do
    local list = words.of_role(cases, role)
    local ok, message = true, nil
    if #list > 0 then
      ok, message = self:prove_side(role, list)
    end
    if not ok then
      words.say(message)
      return EXIT.failed
    end
  end
  self.cases = cases
  if watched then
    local ok, message = self:watchman(all, watched ~= true and watched or nil)
    if not ok then
      words.say(message)
      return EXIT.failed
    end
  end
  return self:report()
end

-- The words watch and watch/ID are for the watchman, and so is a line without words. Returns true for all of its rules, a
-- set of ids for some, or nil; and whether there is nothing else to prove.
local function watch_words(sorted)
  if #sorted.selected == 0 and #sorted.files == 0 then
    return true, false
  end
  local ids, others, all = {}, {}, false
  for _, word in ipairs(sorted.selected) do
    local id = word:match "^watch/(.+)$"
    if id then
      ids[id] = true
    elseif word == "watch" then
      all = true
    else
      others[#others + 1] = word
    end
  end
  sorted.selected = others
  return all or next(ids) and ids or nil, #others == 0 and #sorted.files == 0
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
  local watched, alone = watch_words(sorted)
  local cases, all = words.cases(sorted)
  if not cases then
    return all
  end
  if options.blunt then
    return proof_blunt.run(options, words.of_role(cases, "client"), { start = started, command = command,
      aim = function(peer) return assert(targets.of_server(peer, { mode = options.mode })) end })
  end
  return prove(options, alone and {} or cases, all, watched)
end
