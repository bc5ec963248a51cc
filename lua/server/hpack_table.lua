-- A second dynamic table, for guilty peers: the representations of a field block read as a decoder would that gets
-- one rule of RFC 7541 wrong. A sound server never makes one: the engine's decoder is right.
local fields = require "h2probe.fields"
local hpack_rules = require "h2probe.server.hpack_rules"

local STATIC <const> = 61 -- entries of the static table (appendix A)
local OVERHEAD <const> = 32 -- octets that an entry counts beside its strings (section 4.1)
local START <const> = 4096

local hpack_table = {}
hpack_table.__index = hpack_table

-- The ways to get it wrong: requirement, and the way if it is not every way.
local BENT = {
  { "RFC9113-4.3.1-1" }, -- the table starts with half the size
  { "RFC9113-4.3-3", "skip" }, -- blocks that are not wanted are not decoded
  { "RFC9113-4.3-4" },
  { "RFC9113-4.3-5" },
  { "RFC9113-10.5.1-1" },
  { "RFC7541-2.1-2" }, -- the order of the fields is lost
  { "RFC7541-2.3.2-1", "reverse" }, -- the oldest entry has the lowest index
  { "RFC7541-2.3.2-2" }, -- an entry that is there already is an error
  { "RFC7541-3.2-2", "lost" }, -- literals with incremental indexing are not inserted
  { "RFC7541-3.2-3", "insert" }, -- literals without indexing are
  { "RFC7541-3.2-4", "insert" }, -- never-indexed literals are
  { "RFC7541-4.1-1", "more" }, -- an entry counts one octet too many
  { "RFC7541-4.2-6", "stuck" }, -- the table never grows again
  { "RFC7541-4.3-1", "all" }, -- a reduction evicts everything
  { "RFC7541-4.4-1", "error" }, -- an entry larger than the table is an error
  { "RFC7541-4.4-1", "kept" }, -- it leaves the table as it was
  { "RFC7541-4.4-2" }, -- entries go before the name of the new one is looked up
  { "RFC7541-4.4-3", "full" }, -- what does not fit is not inserted
}

--- The table of a guilty peer, or nil for all others.
function hpack_table.new(rules)
  local bent
  for _, row in ipairs(BENT) do
    local way = rules.violate[row[1]]
    if way and (way == row[2] or row[2] == nil) then
      bent = bent or {}
      bent[row[1]] = way
    end
  end
  if not bent then return nil end
  local max = bent["RFC9113-4.3.1-1"] and START // 2 or START
  return setmetatable({ bent = bent, entries = {}, size = 0, max = max }, hpack_table)
end

function hpack_table:weight(entry)
  return #entry[1] + #entry[2] + OVERHEAD + (self.bent["RFC7541-4.1-1"] and 1 or 0)
end

function hpack_table:evict(limit)
  while self.size > limit and #self.entries > 0 do
    self.size = self.size - self:weight(table.remove(self.entries))
  end
end

function hpack_table:resize(size)
  local smaller = size < self.max
  self.max = self.bent["RFC7541-4.2-6"] and math.min(size, self.max) or size
  self:evict(smaller and self.bent["RFC7541-4.3-1"] and 0 or self.max)
end

function hpack_table:holds(field)
  for _, entry in ipairs(self.entries) do
    if entry[1] == field[1] and entry[2] == field[2] then return true end
  end
end

-- False when this peer takes the insertion for an error.
function hpack_table:insert(field)
  if self.bent["RFC7541-3.2-2"] then return true end
  if self.bent["RFC7541-2.3.2-2"] and self:holds(field) then return false end
  local entry = { field[1], field[2] }
  local weight = self:weight(entry)
  if weight > self.max and self.bent["RFC7541-4.4-1"] then return self.bent["RFC7541-4.4-1"] == "kept" end
  if self.size + weight > self.max and self.bent["RFC7541-4.4-3"] then return true end
  self:evict(math.max(self.max - weight, 0))
  if weight <= self.max then
    table.insert(self.entries, 1, entry)
    self.size = self.size + weight
  end
  return true
end

function hpack_table:at(index)
  local position = index - STATIC
  return self.entries[self.bent["RFC7541-2.3.2-1"] and #self.entries + 1 - position or position]
end

local INSERTS = { without = "RFC7541-3.2-3", never = "RFC7541-3.2-4" }

-- One representation: its strings as this peer reads them; false when it finds an error in it.
function hpack_table:read(field)
  if field.kind == "size_update" then
    self:resize(field.size)
    return true
  end
  if field.kind == "incremental" and self.bent["RFC7541-4.4-2"] then
    self:evict(math.max(self.max - self:weight(field), 0))
  end
  if field.index and field.index > STATIC then
    local entry = self:at(field.index)
    if not entry then return false end
    field[1] = entry[1]
    if field.kind == "indexed" then field[2] = entry[2] end
  end
  if field.kind == "incremental" or self.bent[INSERTS[field.kind]] then return self:insert(field) end
  return true
end

-- Is the block one that this peer throws away undecoded? dealt: its frame was answered as an error.
function hpack_table:skips(event, dealt)
  local bent = self.bent
  return bent["RFC9113-4.3-3"] and dealt
    or bent["RFC9113-4.3-4"] and event.faults and event.faults["reset-stream-received"]
    or bent["RFC9113-4.3-5"] and #fields.validate_request(event.fields) > 0
    or bent["RFC9113-10.5.1-1"] and fields.size(event.fields) > hpack_rules.LARGEST_LIST
end

-- The regular fields from the last to the first.
local function reverse_regular(list)
  local regular = {}
  for i = #list, 1, -1 do
    if list[i][1] and list[i][1]:sub(1, 1) ~= ":" then regular[#regular + 1] = table.remove(list, i) end
  end
  table.move(regular, 1, #regular, #list + 1, list)
end

--- Reads the field block of an event; false when this peer takes it for a decoding error.
function hpack_table:follow(event, dealt)
  if self:skips(event, dealt) then return true end
  for _, field in ipairs(event.fields) do
    if not self:read(field) then return false end
  end
  if self.bent["RFC7541-2.1-2"] then reverse_regular(event.fields) end
  return true
end

return hpack_table
