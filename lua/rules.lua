-- The rules that a reference peer keeps, and the ways in which a guilty peer bends some of them.
--
-- Every rule is named by its row of suites/requirements.tsv at the one place where the server (or the client) keeps it.
-- A guilty peer is the same server or client with one of these ids bent: ID alone means that the rule is not kept at
-- all, ID=WAY names another way:
--
--   ignore      what the rule demands does not happen (the default)
--   stream      a connection error is reported as a stream error only
--   refuse      a stream error becomes RST_STREAM(REFUSED_STREAM)
--   late        the rule is broken from the second time on
--   once        the rule is broken the first time only, on each connection
--   single      the rule is broken one time only, on the first connection that has occasion to; single:WAY in that way
--   serve       what must not be served is served
--   open        GOAWAY is sent, but the connection stays open
--   other       the error is reported on another stream
--   wrong       the error is reported, with a code that has nothing to do with it
--   DATA, ...   of a rule that holds for several types of frame: bent for this type alone
--   anything    else is read by the place that keeps the rule
local engine = require "h2probe.engine"
local requirements = require "h2probe.requirements"

local rules = {}
rules.__index = rules

local known = {}

--- The ids that the reference "server" or "client" keeps: those that stand as literals in its sources.
function rules.known(peer)
  if known[peer] then return known[peer] end
  local ids, sources = {}, engine.embedded_list("lua/" .. peer .. "/")
  table.move({ "lua/" .. peer .. ".lua", "lua/fields.lua" }, 1, 2, #sources + 1, sources)
  for _, name in ipairs(sources) do
    for id in engine.embedded(name):gmatch '"(RFC%d+%-[%d.]+%-%d+)"' do ids[id] = true end
  end
  known[peer] = ids
  return ids
end

--- "ID" or "ID=WAY" to id and way; nil and a message when the reference peer ("server" unless said otherwise) has no such
-- rule to break.
function rules.parse(text, peer)
  peer = peer or "server"
  local id, way = text:match("^([^=]+)=?(.*)$")
  if not id then return nil, "an empty name of a rule" end
  if not requirements.load()[id] then return nil, ("%s is no requirement of the catalogue"):format(id) end
  if not rules.known(peer)[id] then
    return nil, ("the reference %s has no place where it keeps %s, so it cannot break it"):format(peer, id)
  end
  return id, way ~= "" and way or "ignore"
end

--- violate: { [id] = way }.
function rules.new(violate)
  return setmetatable({ violate = violate or {}, seen = {}, spent = {} }, rules)
end

--- The same rules for another connection: "once" and "late" count on each connection of its own, "single" on all.
function rules:fresh()
  local fresh = rules.new(self.violate)
  fresh.spent = self.spent
  return fresh
end

--- The same rules on the same connection, but some (a set) are kept in any case.
function rules:without(ids)
  local violate = {}
  for id, way in pairs(self.violate) do
    if not ids[id] then violate[id] = way end
  end
  return setmetatable({ violate = violate, seen = self.seen, spent = self.spent, shared = self.shared }, rules)
end

--- The way of which this one is "single:WAY", or itself.
function rules.plain(way)
  if way == "once" or way == "single" then return "ignore" end
  return way:match "^single:(.+)$" or way
end

--- True for a peer that bends nothing.
function rules:sound()
  return next(self.violate) == nil
end

--- The way in which one of the ids is bent this time, or nil while all are kept.
function rules:way(...)
  if self:sound() then return nil end
  for _, id in ipairs { ... } do
    local way = self.violate[id]
    if way then
      local times = (self.seen[id] or 0) + 1
      self.seen[id] = times
      if way == "late" then
        if times > 1 then return "ignore", id end
      elseif way == "once" then
        if times == 1 then return "ignore", id end
      elseif way:find "^single" then
        if not self.spent[id] then
          self.spent[id] = true
          return rules.plain(way), id
        end
      else
        return way, id
      end
    end
  end
end

--- True while all of these rules are to be kept.
function rules:keep(...)
  return self:way(...) == nil
end

return rules
