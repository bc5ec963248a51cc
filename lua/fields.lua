-- Field lists: reading, changing, and what is wrong with a message's fields (RFC 9113 sections 8.2, 8.3).
--
-- A field is { name, value, ... } as in docs/engine.md; a list may hold size updates and raw octets, which have no
-- name and are passed over by everything here.
local fields = {}

local function is_field(entry)
  return type(entry) == "table" and type(entry[1]) == "string" and entry.kind ~= "octets"
end

-- Steering per field (RFC 7541 section 6) ------------------------------------------------------------

--- The indexed representation with this index (6.1), 0 and indices out of range too.
function fields.indexed(index)
  return { kind = "indexed", index = math.tointeger(index) or error("indexed: an index is an integer", 2) }
end

local LITERAL = { kind = true, index = true, huffman = true, sensitive = true }
local KINDS = { incremental = true, without = true, never = true }

--- A literal (6.2): { name, value, kind = "incremental" | "without" | "never", index = n, huffman = bool or
-- { name = bool, value = bool } }. kind is "without" unless given.
function fields.literal(given)
  local field = { given[1] or "", given[2] or "", kind = "without" }
  for key, value in pairs(given) do
    if key ~= 1 and key ~= 2 then
      if not LITERAL[key] then
        error(("literal has no member '%s'"):format(tostring(key)), 2)
      end
      field[key] = value
    end
  end
  if not KINDS[field.kind] then
    error(("literal: kind '%s' is none of incremental, without, never"):format(tostring(field.kind)), 2)
  end
  return field
end

--- A Dynamic Table Size Update (6.3).
function fields.size_update(size)
  return { kind = "size_update", size = math.tointeger(size) or error("size_update: a size is an integer", 2) }
end

--- Octets of a field block as they are.
function fields.raw(octets)
  return { kind = "octets", octets }
end

-- Lists --------------------------------------------------------------------------------------------------

--- The value of the first field with this name, or nil.
function fields.get(list, name)
  for _, field in ipairs(list or {}) do
    if type(field) == "table" and field[1] == name and field.kind ~= "octets" then
      return field[2]
    end
  end
end

--- All values of fields with this name, in order.
function fields.all(list, name)
  local values = {}
  for _, field in ipairs(list or {}) do
    if is_field(field) and field[1] == name then
      values[#values + 1] = field[2]
    end
  end
  return values
end

local function copy_field(field)
  local copy = {}
  for key, value in pairs(field) do
    copy[key] = value
  end
  return copy
end

--- A copy of the list, its fields copied too.
function fields.copy(list)
  local copy = {}
  for index, field in ipairs(list) do
    copy[index] = copy_field(field)
  end
  return copy
end

--- A copy with fields appended.
function fields.with(list, ...)
  local copy = fields.copy(list)
  for _, field in ipairs { ... } do
    if type(field) ~= "table" then
      error("with: a field is a table { name, value }", 2)
    end
    copy[#copy + 1] = copy_field(field)
  end
  return copy
end

--- A copy without the fields of this name.
function fields.without(list, name)
  local copy = {}
  for _, field in ipairs(list) do
    if not (is_field(field) and field[1] == name) then
      copy[#copy + 1] = copy_field(field)
    end
  end
  return copy
end

--- A copy in which the first field of this name has another value; appended if there is none.
function fields.replace(list, name, value)
  local copy, done = fields.copy(list), false
  for _, field in ipairs(copy) do
    if not done and is_field(field) and field[1] == name then
      field[2], done = value, true
    end
  end
  if not done then
    copy[#copy + 1] = { name, value }
  end
  return copy
end

--- The same fields as literals without indexing (RFC 7541 section 6.2.2): the dynamic tables stay as they are.
function fields.unindexed(list)
  local out = {}
  for i, field in ipairs(list) do
    out[i] = fields.literal { field[1], field[2], kind = "without" }
  end
  return out
end

--- The list of a request (8.3.1): { method =, scheme =, authority =, path =, fields = }. An authority of false is
-- left out; CONNECT has neither :scheme nor :path unless given (8.5).
function fields.request(given)
  local connect = given.method == "CONNECT"
  local list = { { ":method", given.method or "GET" } }
  local function add(name, value)
    if value then
      list[#list + 1] = { name, value }
    end
  end
  add(":scheme", given.scheme or (not connect and given.scheme ~= false and "https"))
  add(":authority", given.authority)
  add(":path", given.path or (not connect and given.path ~= false and "/"))
  return given.fields and fields.with(list, table.unpack(given.fields)) or list
end

-- Validation ---------------------------------------------------------------------------------------------
--
-- A fault is { req =, by =, text = }: req is the rule that the receiver enforces, by the one that the sender broke
-- (nil where the catalogue has none for senders).

local CONNECTION_SPECIFIC = {
  ["connection"] = "RFC9113-8.2.2-2",
  ["proxy-connection"] = "RFC9113-8.2.2-3",
  ["keep-alive"] = "RFC9113-8.2.2-4",
  ["transfer-encoding"] = "RFC9113-8.2.2-5",
  ["upgrade"] = "RFC9113-8.2.2-6",
}

-- In this order: the first that matches names the fault of a field name (8.2.1).
local NAME_RULES = {
  { "[A-Z]", "RFC9113-8.2.1-1", "an uppercase letter", "RFC9113-8.2-1" },
  { " ", "RFC9113-8.2.1-2", "a space" },
  { "\0", "RFC9113-8.2.1-3", "NUL" },
  { "[\r\n]", "RFC9113-8.2.1-4", "CR or LF" },
  { "[\1-\31]", "RFC9113-8.2.1-5", "a control character" },
  { "\127", "RFC9113-8.2.1-6", "DEL" },
  { "[\128-\255]", "RFC9113-8.2.1-7", "an octet above 0x7f" },
  { ":", "RFC9113-8.2.1-8", "a colon" },
  { "[^%w!#$%%&'*+.^_`|~-]", "RFC9113-8.2.1-9", "a character that no token has" },
}

local VALUE_RULES = {
  { "\0", "RFC9113-8.2.1-10", "NUL" },
  { "\n", "RFC9113-8.2.1-11", "LF" },
  { "\r", "RFC9113-8.2.1-12", "CR" },
  { "^[ \t]+$", "RFC9113-8.2.1-14", "nothing but white space" },
  { "^[ \t]", "RFC9113-8.2.1-13", "white space at its start" },
  { "[ \t]$", "RFC9113-8.2.1-14", "white space at its end" },
  { "[\1-\8\11-\31\127]", "RFC9113-8.2.1-15", "a control character" },
}

--- Any octets as printable ASCII, at most 60 of them.
local function shown(octets)
  local text = octets:sub(1, 60):gsub("[^\32-\126]", function(c) return ("\\x%02x"):format(c:byte()) end)
  return text .. (#octets > 60 and "..." or "")
end

local function first_rule(rules, subject)
  for _, rule in ipairs(rules) do
    if subject:find(rule[1]) then
      return rule
    end
  end
end

local function add(faults, req, by, text, ...)
  faults[#faults + 1] = { req = req, by = by, text = text:format(...) }
end

-- What nearly every field is: then no single rule need be looked at.
local function plain(name, value)
  return name:find "^:?[%l%d_-]+$" and not value:find "[%c\127]" and value:byte(1) ~= 32 and value:byte(-1) ~= 32
end

local function check_octets(field, faults)
  local name, value = field[1], field[2]
  local rule = first_rule(NAME_RULES, name:gsub("^:", "", 1))
  if name == "" then
    add(faults, "RFC9113-8.2.1-9", nil, "a field name is empty")
  elseif rule then
    add(faults, rule[2], rule[4], "the field name '%s' has %s", shown(name), rule[3])
  end
  rule = first_rule(VALUE_RULES, value)
  if rule and not (name:sub(1, 1) == ":" and rule[2] ~= "RFC9113-8.2.1-15") then
    add(faults, rule[2], nil, "the value of '%s' has %s", shown(name), rule[3])
  end
end

local function check_regular(field, faults, response)
  local name, value = field[1], field[2]
  local req = CONNECTION_SPECIFIC[name]
  if req then
    add(faults, req, name == "transfer-encoding" and value:lower():find("chunked", 1, true) and "RFC9113-8.1-6"
      or "RFC9113-8.2.2-1", "the connection-specific field '%s'", name)
  elseif name == "te" and not response and value:lower() ~= "trailers" then
    add(faults, "RFC9113-8.2.2-7", nil, "te has the value '%s'", shown(value))
  end
end

local COLON <const> = 58

-- Collects the pseudo-header fields; faults of undefined, repeated and late ones.
local function pseudo_headers(list, defined, faults, repeated)
  local found, regular = {}, false
  for _, field in ipairs(list) do
    if is_field(field) then
      local name = field[1]
      if name:byte() ~= COLON then
        regular = true
      else
        if regular then
          add(faults, "RFC9113-8.3-5", nil, "'%s' comes after a regular field", shown(name))
        end
        if not defined[name] then
          local req = defined.others[name] or "RFC9113-8.3-4"
          add(faults, req, "RFC9113-8.3-1", "'%s' is not defined for this message", shown(name))
        elseif found[name] then
          add(faults, defined[name], repeated, "'%s' is repeated", name)
        end
        found[name] = found[name] or field[2]
      end
    end
  end
  return found
end

local function check_all(list, faults, response)
  for _, field in ipairs(list) do
    if is_field(field) then
      if not plain(field[1], field[2]) then
        check_octets(field, faults)
      end
      check_regular(field, faults, response)
    end
  end
end

-- name = rule about its repetition; others: pseudo-header fields of the other kind of message.
local REQUEST = {
  [":method"] = "RFC9113-8.3-6",
  [":scheme"] = "RFC9113-8.3-7",
  [":path"] = "RFC9113-8.3-8",
  [":authority"] = "RFC9113-8.3-9",
  others = { [":status"] = "RFC9113-8.3-2", [":protocol"] = "RFC8441-3-5" },
}
local EXTENDED_REQUEST = setmetatable({ [":protocol"] = "RFC8441-4-6" }, { __index = REQUEST })
local RESPONSE = {
  [":status"] = "RFC9113-8.3-10",
  others = {
    [":method"] = "RFC9113-8.3-3",
    [":scheme"] = "RFC9113-8.3-3",
    [":path"] = "RFC9113-8.3-3",
    [":authority"] = "RFC9113-8.3-3",
    [":protocol"] = "RFC9113-8.3-3",
  },
}

local OF_SENDER = "RFC9113-8.3.1-20"

local function check_connect(found, faults)
  if found[":scheme"] or found[":path"] then
    add(faults, "RFC9113-8.5-2", "RFC9113-8.5-1", "CONNECT has :scheme or :path")
  end
  if not found[":authority"] or found[":authority"] == "" then
    add(faults, "RFC9113-8.5-3", "RFC9113-8.5-1", "CONNECT has no :authority")
  end
end

local MANDATORY = {
  { ":method", "RFC9113-8.3.1-17" },
  { ":scheme", "RFC9113-8.3.1-18" },
  { ":path", "RFC9113-8.3.1-19" },
}

local function check_target(found, faults)
  for _, row in ipairs(MANDATORY) do
    if not found[row[1]] then
      add(faults, found[":protocol"] and "RFC8441-4-2" or row[2], OF_SENDER, "'%s' is missing", row[1])
    end
  end
  local scheme, path = found[":scheme"], found[":path"]
  if path and (scheme == "http" or scheme == "https") then
    if path == "" then
      add(faults, "RFC9113-8.3.1-12", found[":method"] == "OPTIONS" and "RFC9113-8.3.1-14" or "RFC9113-8.3.1-13",
        ":path is empty")
    elseif path:sub(1, 1) ~= "/" and not (path == "*" and found[":method"] == "OPTIONS") then
      add(faults, "RFC9113-8.3.1-16", OF_SENDER, ":path is '%s'", shown(path))
    end
  end
  local authority = found[":authority"]
  if authority and authority:find("@", 1, true) and (scheme == "http" or scheme == "https") then
    add(faults, "RFC9113-8.3.1-11", "RFC9113-8.3.1-10", ":authority has userinfo")
  end
end

local function check_request_values(found, faults)
  for _, name in ipairs { ":method", ":scheme", ":path", ":authority" } do
    local value = found[name]
    if value and value:find("[\0\r\n ]") then
      add(faults, "RFC9113-8.3-11", OF_SENDER, "the value of '%s' has NUL, CR, LF or a space", name)
    end
  end
  local method = found[":method"]
  if method and (method == "" or method:find("[^%w!#$%%&'*+.^_`|~\0\r\n -]")) then
    add(faults, "RFC9113-8.3-12", OF_SENDER, ":method is no token")
  end
end

-- RFC 9110 section 8.6: digits; the same value more than once may be accepted.
local function check_content_length(list, faults)
  local first
  for _, value in ipairs(fields.all(list, "content-length")) do
    if not value:find("^%d+$") or first and value ~= first then
      add(faults, "RFC9113-8.1.1-7", nil, "content-length is '%s'", shown(value))
    end
    first = first or value
  end
end

-- RFC 8441 section 4: with :protocol the request has a target, and its method is CONNECT.
local function check_extended(found, faults)
  if found[":method"] ~= "CONNECT" then
    add(faults, "RFC8441-4-4", nil, ":protocol without CONNECT")
  end
end

--- What is wrong with the fields of a request (8.2, 8.3, 8.5): a list of faults, empty if nothing is.
-- options.protocol: extended CONNECT (RFC 8441) is in force, so that :protocol is defined.
function fields.validate_request(list, options)
  local faults = {}
  local extended = options and options.protocol
  check_all(list, faults)
  local found = pseudo_headers(list, extended and EXTENDED_REQUEST or REQUEST, faults, OF_SENDER)
  check_request_values(found, faults)
  check_content_length(list, faults)
  if extended and found[":protocol"] then
    check_extended(found, faults)
    check_target(found, faults)
  elseif found[":method"] == "CONNECT" then
    check_connect(found, faults)
  else
    check_target(found, faults)
  end
  local host = fields.get(list, "host")
  if host and found[":authority"] and host:lower() ~= found[":authority"]:lower() then
    add(faults, "RFC9113-8.3.1-4", "RFC9113-8.3.1-3", "host is not the :authority")
  end
  return faults
end

--- Octets of a field list as SETTINGS_MAX_HEADER_LIST_SIZE counts them (section 6.5.2).
function fields.size(list)
  local size = 0
  for _, field in ipairs(list) do
    if is_field(field) then
      size = size + #field[1] + #field[2] + 32
    end
  end
  return size
end

--- What is wrong with the fields of a response (8.2, 8.3.2, 8.6). options.end_stream: the head ended the stream.
function fields.validate_response(list, options)
  local faults = {}
  check_all(list, faults, true)
  local found = pseudo_headers(list, RESPONSE, faults, "RFC9113-8.3.2-1")
  local status = found[":status"]
  if not status then
    add(faults, "RFC9113-8.3.2-2", "RFC9113-8.3.2-1", ":status is missing")
  elseif not status:find("^[1-9]%d%d$") then
    add(faults, "RFC9113-8.3.2-3", "RFC9113-8.3.2-1", ":status is '%s'", shown(status))
  elseif status == "101" then
    add(faults, "RFC9113-8.6-2", "RFC9113-8.6-1", "status 101 over HTTP/2")
  end
  if status and status:find("^1%d%d$") and options and options.end_stream then
    add(faults, "RFC9113-8.1-4", "RFC9113-8.1-5", "an interim response ends the stream")
  end
  return faults
end

--- What is wrong with a trailer section (8.1, 8.2).
function fields.validate_trailers(list)
  local faults = {}
  check_all(list, faults, true)
  for _, field in ipairs(list) do
    if is_field(field) and field[1]:sub(1, 1) == ":" then
      add(faults, "RFC9113-8.1-8", "RFC9113-8.1-7", "trailers have '%s'", shown(field[1]))
    end
  end
  return faults
end

fields.shown = shown

return fields
