-- The conversation of a connection, for people: events of the engine to entries and lines of text.
--
-- Octets of the peer are rendered as printable ASCII, others as \xNN; what is long is cut, with a count.
local engine = require "h2probe.engine"

local transcript = {}

local MAX_TEXT, MAX_LINES = 200, 100

--- Octets as printable ASCII, at most `limit` of them (200), and how many there are beyond.
function transcript.printable(octets, limit)
  limit = limit or MAX_TEXT
  local text = octets:sub(1, limit):gsub("[%c\\\127-\255]", function(c)
    return c == "\\" and "\\\\" or ("\\x%02x"):format(c:byte())
  end)
  if #octets > limit then
    return ("%s... (%d octets)"):format(text, #octets)
  end
  return text
end

local printable = transcript.printable

local function quoted(octets, limit)
  return '"' .. printable(octets, limit) .. '"'
end

-- Field lines -----------------------------------------------------------------------------------------------

local KIND_TEXT = {
  incremental = "literal with incremental indexing", without = "literal without indexing",
  never = "literal never indexed",
}

local function huffman_text(huffman)
  if type(huffman) ~= "table" or not (huffman.name or huffman.value) then
    return ""
  end
  return huffman.name and huffman.value and ", Huffman" or huffman.name and ", name Huffman" or ", value Huffman"
end

local function representation(field)
  if field.kind == "indexed" then
    return ("indexed %d"):format(field.index or 0)
  elseif not KIND_TEXT[field.kind] then
    return nil
  end
  local name = (field.index or 0) > 0 and (", name index %d"):format(field.index) or ""
  return KIND_TEXT[field.kind] .. name .. huffman_text(field.huffman)
end

local function field_line(field)
  if field.kind == "size_update" then
    return ("(dynamic table size update: %d)"):format(field.size)
  end
  local how = representation(field)
  local text = ("%s: %s"):format(printable(field[1] or ""), printable(field[2] or ""))
  return how and ("%s  [%s]"):format(text, how) or text
end

-- Frames ------------------------------------------------------------------------------------------------------

local FLAG_NAMES = {
  { "end_stream", "END_STREAM" }, { "ack", "ACK" }, { "end_headers", "END_HEADERS" }, { "padded", "PADDED" },
  { "priority", "PRIORITY" },
}

local details = {}

local function priority(event)
  if event.dependency then
    return ("depends on %d%s, weight %d"):format(event.dependency, event.exclusive and " exclusively" or "",
      (event.weight or 0) + 1)
  end
end

function details.DATA(event, add)
  if event.data and #event.data > 0 then
    add(quoted(event.data, 60))
  end
end

function details.HEADERS(event, add)
  add(priority(event))
end

function details.PRIORITY(event, add)
  add(priority(event))
end

function details.RST_STREAM(event, add)
  add(event.error)
end

function details.SETTINGS(event, add)
  for _, setting in ipairs(event.settings or {}) do
    add(("%s = %d"):format(setting.name or ("0x%04x"):format(setting.id), setting.value))
  end
end

function details.PUSH_PROMISE(event, add)
  add(event.promised_stream and ("promises stream %d"):format(event.promised_stream))
end

function details.PING(event, add)
  add(event.data and event.data ~= "" and quoted(event.data))
end

function details.GOAWAY(event, add)
  add(event.error and ("%s, last stream %d"):format(event.error, event.last_stream or 0))
  if event.debug and event.debug ~= "" then
    add("debug data " .. quoted(event.debug))
  end
end

function details.WINDOW_UPDATE(event, add)
  add(event.increment and ("increment %d"):format(event.increment))
end

function details.ALTSVC(event, add)
  add(event.origin and ("origin %s, value %s"):format(quoted(event.origin), quoted(event.value or "")))
end

function details.ORIGIN(event, add)
  for _, origin in ipairs(event.origins or {}) do
    add(quoted(origin))
  end
end

function details.PRIORITY_UPDATE(event, add)
  add(event.prioritized_stream and ("stream %d: %s"):format(event.prioritized_stream, quoted(event.value or "")))
end

function details.UNKNOWN(event, add)
  if event.payload and event.payload ~= "" then
    add(quoted(event.payload, 60))
  end
end

local function frame_text(event)
  local parts = { event.name == "UNKNOWN" and ("type 0x%02x"):format(event.type) or event.name,
    ("stream %d"):format(event.stream) }
  for _, flag in ipairs(FLAG_NAMES) do
    if event[flag[1]] then
      parts[#parts + 1] = flag[2]
    end
  end
  parts[#parts + 1] = ("(%d octets)"):format(event.length)
  return table.concat(parts, " ")
end

local function fault_lines(event, add)
  local slugs = {}
  for slug in pairs(event.faults or {}) do
    slugs[#slugs + 1] = slug
  end
  table.sort(slugs)
  for _, slug in ipairs(slugs) do
    add("! " .. (engine.faults[slug] or slug))
  end
end

local function block_lines(event, add)
  for _, field in ipairs(event.fields or {}) do
    add(field_line(field))
  end
  local problem = event.field_error
  if problem then
    add(("! at octet %d of the field block: %s (%s)"):format(problem.offset, problem.message, problem.rule or "?"))
  end
end

local function frame_entry(event, add)
  local detail = details[event.name]
  if detail then
    detail(event, add)
  end
  block_lines(event, add)
  fault_lines(event, add)
  return event.name, frame_text(event), event.stream
end

-- Other events --------------------------------------------------------------------------------------------------

-- The lines of the head, and what comes behind it.
local function head_lines(octets, add)
  local finish = octets:find("\r\n\r\n", 1, true) or #octets
  local at, stop = 1, octets:find("\n", 1, true)
  while stop and at < finish do
    add(printable((octets:sub(at, stop - 1):gsub("\r$", ""))))
    at, stop = stop + 1, octets:find("\n", stop + 1, true)
  end
  local rest = octets:sub(octets:find("\r\n\r\n", 1, true) and finish + 4 or at)
  if rest ~= "" then
    add(quoted(rest))
  end
end

local function octets_entry(event, add)
  local octets = event.octets or ""
  local head = octets:find "^HTTP/%d" or octets:find "^%u+ [^\r\n]+ HTTP/%d"
  if head and octets:find "\r\n" then
    head_lines(octets, add)
    return "HTTP/1.1", ("HTTP/1.1 (%d octets)"):format(#octets)
  end
  add(quoted(octets))
  return "octets", ("octets (%d)"):format(#octets)
end

local entry_of = { frame = frame_entry, octets = octets_entry }

function entry_of.preface()
  return "preface", "client connection preface (24 octets)"
end

function entry_of.bad_preface(event, add)
  add(quoted(event.octets or ""))
  return "preface", "! something else than the client connection preface"
end

function entry_of.note(event)
  return "note", printable(event.text or event.octets or "", 500)
end

local function entry(event, begun)
  local lines, left_out = {}, 0
  local function add(text)
    if text and #lines < MAX_LINES then
      lines[#lines + 1] = text
    elseif text then
      left_out = left_out + 1
    end
  end
  local make = entry_of[event.event] or entry_of.note
  local name, text, stream = make(event, add)
  if left_out > 0 then
    lines[#lines + 1] = ("(%d more lines)"):format(left_out)
  end
  return { time = math.max(0, (event.time or begun) - begun), sent = event.sent or false, kind = event.event,
    name = name, stream = stream, text = text, lines = lines }
end

--- Entries of an engine's transcript (docs/engine.md: the list, or a connection that has it): { time = seconds since
-- the first event, sent =, kind =, name =, stream =, text =, lines = }.
function transcript.entries(events)
  if type(events) == "userdata" then
    events = events:transcript()
  end
  local begun = events[1] and events[1].time or 0
  local entries = {}
  local gap = (events.dropped or 0) > 0
  for index, event in ipairs(events) do
    local before = events[index - 1]
    if gap and before and event.seq and before.seq and event.seq > before.seq + 1 then
      entries[#entries + 1] = { time = math.max(0, (event.time or begun) - begun), sent = false, kind = "note",
        name = "note", text = ("(%d events left out)"):format(events.dropped), lines = {} }
      gap = false
    end
    entries[#entries + 1] = entry(event, begun)
  end
  return entries
end

--- Lines of text for entries: options.time adds the milliseconds, options.last keeps the last so many entries.
function transcript.text(entries, options)
  options = options or {}
  local lines = {}
  local first = options.last and math.max(1, #entries - options.last + 1) or 1
  if first > 1 then
    lines[1] = ("... %d entries before"):format(first - 1)
  end
  for index = first, #entries do
    local each = entries[index]
    local arrow = each.kind == "note" and "--" or each.sent and "->" or "<-"
    local time = options.time and ("%9.3f ms  "):format(each.time * 1000) or ""
    lines[#lines + 1] = ("%s%s %s"):format(time, arrow, each.text)
    local indent = (" "):rep(#time + 6)
    for _, line in ipairs(each.lines) do
      lines[#lines + 1] = indent .. line
    end
  end
  return lines
end

return transcript
