-- What was recorded of the connections of cases, as packet captures (lua/pcapng.lua) that a person finds the way in.
local engine = require "h2probe.engine"
local outfile = require "h2probe.outfile"
local pcapng = require "h2probe.pcapng"

local captures = {}

--- Octets that are kept of a connection.
captures.LIMIT = 1024 * 1024

-- Wireshark tells TLS and HTTP by the port where the octets alone do not say it, and knows these two anywhere.
local SHOWN_PORT <const> = { https = 443, http = 80 }
local MADE_UP <const> = string.char(127, 0, 0, 1) -- the address of both ends of a Unix socket
local FIRST_PORT <const>, PORTS <const> = 49152, 16384

local function printable(text)
  return (tostring(text):gsub("[^%g \n]", function(c) return ("\\x%02x"):format(c:byte()) end))
end

-- One connection ----------------------------------------------------------------------------------------------

local unix_ports = 0

local function made_up()
  unix_ports = (unix_ports + 1) % PORTS
  return { address = MADE_UP, port = FIRST_PORT + unix_ports }
end

--- What was recorded of a connection of scripts (`conn`), independent of it; nil: nothing.
function captures.of(conn)
  local wire = conn._.wire
  local records = wire:capture()
  if not records or #records == 0 then
    return nil
  end
  local scheme = conn.target and conn.target.scheme or "http"
  local names = { ours = wire:local_address(), theirs = wire:peer() }
  local capture = { records = records, role = conn.role, key = names.ours .. " " .. names.theirs .. " " .. records[1].time,
    server = conn.role == "client" and names.theirs or names.ours, shown_port = SHOWN_PORT[scheme] }
  for side, name in pairs(names) do
    capture[side] = pcapng.endpoint(name) or made_up()
  end
  capture[conn.role == "client" and "theirs" or "ours"].port = capture.shown_port
  return capture
end

local function connections(run)
  return run and run.connections or {}
end

--- Gives back what was recorded of a run.
function captures.forget(run)
  for _, conn in ipairs(connections(run)) do
    conn._.wire:record(0)
  end
end

-- The connections of a case ---------------------------------------------------------------------------------------

local function has_failed(record)
  return record.verdict ~= "pass" and record.verdict ~= "skip"
end

local function finding_lines(run, conn)
  local lines = {}
  for _, finding in ipairs(run.findings or {}) do
    if finding.conn == conn then
      lines[#lines + 1] = ("watch/%s: %s"):format(finding.requirement, finding.text)
    end
  end
  return lines
end

--- What was recorded of a unit of the runner, from the records of its rows: a list of { capture, record, findings }.
-- `all`: also of rows that passed.
function captures.of_unit(unit, all)
  local list = {}
  for _, record in pairs(unit.records) do
    if all or has_failed(record) then
      for _, conn in ipairs(connections(record.run)) do
        local capture = captures.of(conn)
        if capture then
          list[#list + 1] = { capture = capture, record = record, findings = finding_lines(record.run, conn) }
        end
      end
    end
  end
  table.sort(list, function(a, b) return a.capture.records[1].time < b.capture.records[1].time end)
  return list
end

-- For the first packet of a connection.
local function comment(result, entry, number, count)
  local record = entry.record or {}
  local lines = { ("h2probe: %s: %s (%s)"):format(result.verdict, result.id, result.mode) }
  local function add(label, text)
    if text and text ~= "" then
      lines[#lines + 1] = ("%s: %s"):format(label, text)
    end
  end
  add("row", record.label and ("%s: %s"):format(record.label, record.verdict))
  add("requirement", table.concat(result.req or {}, ", "))
  add("expected", record.expected or result.expected)
  add("observed", record.observed or result.observed)
  for _, line in ipairs(entry.findings or {}) do
    add("finding", line)
  end
  add("connection", count > 1 and ("%d of %d"):format(number, count) or nil)
  add("server", ("%s, shown as port %d"):format(entry.capture.server, entry.capture.shown_port))
  add("again", result.command)
  return printable(table.concat(lines, "\n"))
end

-- Files -------------------------------------------------------------------------------------------------------------

local Writer = {}
Writer.__index = Writer

local function head()
  return pcapng.head("h2probe " .. engine.version, "IP and TCP are made up around the octets that h2probe sent and "
    .. "received. The name of an interface is the case; the comment of a connection's first packet tells what came of it.")
end

--- A capture file that grows: { write = function(octets) }.
function captures.writer(sink)
  sink:write(head())
  return setmetatable({ sink = sink, interfaces = 0, written = {} }, Writer)
end

--- Adds connections (of captures.of_unit) under the name of a result; those that are in the file already are passed over.
function Writer:add(result, list)
  local named = false
  for number, entry in ipairs(list) do
    local capture = entry.capture
    if not self.written[capture.key] then
      self.written[capture.key] = true
      if not named then
        self.sink:write(pcapng.interface(printable(("%s (%s)"):format(result.id, result.mode)),
          printable(result.title or "")))
        self.interfaces, named = self.interfaces + 1, true
      end
      if capture.records.keys ~= "" then
        self.sink:write(pcapng.secrets(capture.records.keys))
      end
      self.sink:write(pcapng.connection({ records = capture.records, role = capture.role, ours = capture.ours,
        theirs = capture.theirs, comment = comment(result, entry, number, #list) }, self.interfaces - 1))
    end
  end
end

--- Opens a capture file at this path, or nil and one line.
function captures.open(path)
  local file, message = outfile.open(path)
  return file and captures.writer(file), message
end

--- True, or nil and one line.
function Writer:close()
  return self.sink:close()
end

function Writer:drop()
  self.sink:drop()
end

--- The octets of a capture file with the connections of one result.
function captures.file(result, list)
  local parts = {}
  captures.writer({ write = function(_, octets) parts[#parts + 1] = octets end }):add(result, list)
  return table.concat(parts)
end

return captures
