-- The watchman's proof: for each of its rules a server (or a client) that breaks it is caught under watch/ID in an ordinary
-- run, and so is a server that breaks it a single time, with its transcript (lua/watch/catalogue.lua has the rules).
local catalogue = require "h2probe.watch.catalogue"
local engine = require "h2probe.engine"
local requirements = require "h2probe.requirements"
local rules = require "h2probe.rules"
local selection = require "h2probe.selection"

local proof = {}

-- A single violation may fall on a connection that is over already: nobody can see it there.
local TRIES <const> = 3

local PEERS <const> = { client = "server", server = "client" } -- by the role of the tester

local Proof = {}
Proof.__index = Proof

function Proof:complain(row, text)
  self.unproven[row] = true
  self.lines[#self.lines + 1] = ("watch/%s: %s"):format(row[1], text)
end

local function marked(transcript)
  for _, entry in ipairs(transcript or {}) do
    if entry.mark then
      return true
    end
  end
  return false
end

-- Below HTTP/2 a finding is about no frame.
local function has_transcript(result)
  return result.transcript and #result.transcript > 0 and (marked(result.transcript) or result.observed:find "^HTTP/1"
    or result.observed:find "^ALPN" or result.observed:find "^TLS") and true or false
end

local function wanted_of(row)
  return (row.soft or requirements.gentle(requirements.load()[row[1]])) and "warn" or "fail"
end

-- What a run against the guilty server says of the rule.
function Proof:result(row, way)
  local peer = self.host.start { violate = { [row[1]] = way } }
  local results = self.host.run(self:cases_of(row), peer, row.mode or "prior")
  peer:stop()
  return results[("watch/%s %s"):format(row[1], row.mode or "prior")]
end

function Proof:guilty(row, way)
  local text = row[1] .. "=" .. way
  local id, problem = rules.parse(text, PEERS[self.host.role])
  if not id then
    return self:complain(row, problem)
  end
  local result
  for _ = 1, way:find "^single" and TRIES or 1 do
    result = result or self:result(row, way)
  end
  local wanted = wanted_of(row)
  if not result then
    self:complain(row, ("guilty of %s: not seen"):format(text))
  elseif result.verdict ~= wanted then
    self:complain(row, ("guilty of %s: %s instead of %s: %s"):format(text, result.verdict, wanted, result.observed))
  elseif not has_transcript(result) then
    self:complain(row, ("guilty of %s: seen, but its transcript does not show it"):format(text))
  elseif self.host.verbose then
    self.lines[#self.lines + 1] = ("watch/%s (%s): guilty of %s: %s: %s"):format(id, row.mode or "prior", text,
      result.verdict, result.observed)
  end
end

function Proof:cases_of(row)
  local list = {}
  local quick = self.host.role == "client" and catalogue.QUICK or catalogue.QUICK_OF_CLIENTS
  for _, case in ipairs(assert(selection.choose(self.host.cases, row.cases or quick, requirements.load()))) do
    if case.role == self.host.role then
      list[#list + 1] = case
    end
  end
  return list
end

function Proof:row(row)
  local way = row.guilty
  self:guilty(row, way or "ignore")
  -- Every case has a client of its own, and each breaks the rule.
  if not row.lasting and self.host.role == "client" then
    self:guilty(row, way and "single:" .. way or "single")
  end
end

local function work(self, rows, jobs)
  local at, tasks = 0, {}
  for i = 1, math.min(jobs, #rows) do
    tasks[i] = engine.spawn(function()
      while at < #rows do
        at = at + 1
        self:row(rows[at])
      end
    end, { name = "watch proof " .. i, on_done = function() end })
  end
  for _, task in ipairs(tasks) do
    local ok, message, traceback = task:join(3600)
    if not ok then
      error(tostring(message) .. "\n" .. tostring(traceback), 0)
    end
  end
end

--- Proves the rules for a tester in host.role; ids: a set, nil for all. host: { role, cases, start(options) -> peer, run(cases,
-- peer, mode) -> results by "id mode", jobs, verbose }. Returns the number of rules, of those proven, and lines.
function proof.run(host, ids)
  local self = setmetatable({ host = host, unproven = {}, lines = {} }, Proof)
  local rows = {}
  for _, row in ipairs(catalogue.of(host.role)) do
    if not row.unproven and (not ids or ids[row[1]]) then
      rows[#rows + 1] = row
    end
  end
  work(self, rows, host.jobs)
  local proven = #rows
  for _ in pairs(self.unproven) do
    proven = proven - 1
  end
  return #rows, proven, self.lines
end

return proof
