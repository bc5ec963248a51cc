-- The hello messages of TLS as tables: looked into, changed, put together again (RFC 8446 sections 4.1, 4.2, 4.3.1, 5.1).
--
-- A message is { type =, parts = { what comes before the extensions }, extensions = { { number, octets }, ... } }.
local hello = {}

local HANDSHAKE <const> = 22
local CLIENT_HELLO <const>, SERVER_HELLO <const>, ENCRYPTED_EXTENSIONS <const> = 1, 2, 8
local ALPN <const>, PRE_SHARED_KEY <const> = 16, 41

-- version and random, session id, then cipher suites and compression methods; or one of each; or nothing.
local FORMATS <const> = { [CLIENT_HELLO] = ">c34s1s2s1", [SERVER_HELLO] = ">c34s1c2B", [ENCRYPTED_EXTENSIONS] = ">" }
local COMPRESSION <const> = 4 -- its position in parts

--- Extensions that have a name in scripts.
hello.EXTENSIONS = { server_name = 0, alpn = ALPN, session_ticket = 35, supported_versions = 43, key_share = 51 }

local function read_extensions(octets)
  local list, at = {}, 1
  while at <= #octets do
    local number, content
    number, content, at = string.unpack(">I2s2", octets, at)
    list[#list + 1] = { number, content }
  end
  return list
end

local function read(message)
  local kind, body, after = string.unpack(">Bs3", message)
  local parts = { string.unpack(FORMATS[kind], body) }
  local at = table.remove(parts)
  local extensions, last = "", at
  if at <= #body then
    extensions, last = string.unpack(">s2", body, at)
  end
  assert(last == #body + 1)
  return { type = kind, parts = parts, extensions = read_extensions(extensions), rest = message:sub(after) }
end

--- Octets that begin with such a message (the peer's: anything) to a table, its `rest` what comes after; nil if they do not.
function hello.parse(octets)
  local ok, message = pcall(read, octets)
  return ok and message or nil
end

--- The octets of a message.
function hello.build(message)
  local list = {}
  for position, extension in ipairs(message.extensions) do
    list[position] = string.pack(">I2s2", extension[1], extension[2])
  end
  local body = string.pack(FORMATS[message.type], table.unpack(message.parts)) .. string.pack(">s2", table.concat(list))
  return string.pack(">Bs3", message.type, body)
end

--- A flight whose first message is a hello: `change(message)` changes its table. nil if it is none.
function hello.change(flight, change)
  local ok, kind, version, fragment, after = pcall(string.unpack, ">BI2s2", flight)
  local message = ok and kind == HANDSHAKE and hello.parse(fragment)
  if not message then
    return nil
  end
  change(message)
  return string.pack(">BI2s2", kind, version, hello.build(message) .. message.rest) .. flight:sub(after)
end

--- Puts contents where the first extension of this number stands (or at the end, but before pre_shared_key, which has to
-- be the last), one extension for each; no contents: takes it out.
function hello.set(message, number, contents)
  local list, at = {}, nil
  for _, extension in ipairs(message.extensions) do
    if extension[1] == number or (extension[1] == PRE_SHARED_KEY and not at) then
      at = at or #list + 1
    end
    if extension[1] ~= number then
      list[#list + 1] = extension
    end
  end
  for position, content in ipairs(contents) do
    table.insert(list, (at or #list + 2 - position) + position - 1, { number, content })
  end
  message.extensions = list
end

--- The contents of the extensions of this number, in order.
function hello.get(message, number)
  local contents = {}
  for _, extension in ipairs(message.extensions) do
    if extension[1] == number then
      contents[#contents + 1] = extension[2]
    end
  end
  return contents
end

--- The same handshake octets in records of at most n octets (RFC 8446 section 5.1).
function hello.fragmented(flight, n)
  local kind, version, fragment, after = string.unpack(">BI2s2", flight)
  local records = {}
  for at = 1, #fragment, n do
    records[#records + 1] = string.pack(">BI2s2", kind, version, fragment:sub(at, at + n - 1))
  end
  return table.concat(records) .. flight:sub(after)
end

local function read_names(content)
  local list, after = string.unpack(">s2", content)
  assert(after == #content + 1 and #list > 0)
  local names, at = {}, 1
  while at <= #list do
    names[#names + 1], at = string.unpack("s1", list, at)
  end
  return names
end

--- The names of a ProtocolNameList (RFC 7301 section 3.1), or nil if that is none.
function hello.names(content)
  local ok, names = pcall(read_names, content)
  return ok and names or nil
end

-- What scripts ask for (docs/scripting.md) ------------------------------------------------------------------

local function number_of(name)
  local number = hello.EXTENSIONS[name] or math.tointeger(name)
  return number or error(("start_tls: no extension is called '%s'"):format(tostring(name)), 4)
end

local function contents_of(value)
  return type(value) == "table" and value or { value or nil }
end

--- The function that rewrites our ClientHello as the options { extensions =, compression =, fragment = } say; nil where
-- nothing is asked for. The second value: the message itself differs, so that no handshake can come of it.
function hello.rewriter(options)
  local forged = options.extensions ~= nil or options.compression ~= nil
  local changes = {}
  for name, value in pairs(options.extensions or {}) do
    changes[number_of(name)] = contents_of(value)
  end
  if not forged and not options.fragment then
    return nil, false
  end
  return function(flight)
    local changed = hello.change(flight, function(message)
      for number, contents in pairs(changes) do
        hello.set(message, number, contents)
      end
      message.parts[COMPRESSION] = options.compression or message.parts[COMPRESSION]
    end)
    return options.fragment and hello.fragmented(changed or flight, options.fragment) or changed
  end, forged
end

-- What the server said ------------------------------------------------------------------------------------

local function add_answers(answers, name, message, misplaced)
  for _, octets in ipairs(hello.get(message, ALPN)) do
    answers[#answers + 1] = { message = name, octets = octets, names = hello.names(octets), misplaced = misplaced }
  end
end

local function read_answers(info)
  info.answers = {}
  local first_message = info.server_hello and hello.parse(info.server_hello)
  local second_message = info.encrypted_extensions and hello.parse(info.encrypted_extensions)
  if first_message then
    -- TLS 1.3 is what supported_versions says; before it there are no EncryptedExtensions.
    local misplaced = hello.get(first_message, hello.EXTENSIONS.supported_versions)[1] == "\3\4"
    add_answers(info.answers, "ServerHello", first_message, misplaced)
    info.compression = first_message.parts[COMPRESSION]
  end
  if second_message then
    add_answers(info.answers, "EncryptedExtensions", second_message, false)
  end
end

-- The messages are read when somebody asks: after most handshakes nobody does.
local Unread = {
  __index = function(info, key)
    if key == "answers" or key == "compression" then
      setmetatable(info, nil)
      read_answers(info)
      return info[key]
    end
  end,
}

--- Adds to an info table of the engine what its raw messages say: `answers`, the server's answers to ALPN, each
-- { message = "ServerHello" | "EncryptedExtensions", octets =, names = list | nil, misplaced = in the wrong message of
-- this version }; `selected`, the name in the first (TLS takes no second one); `compression`, the method in ServerHello.
function hello.explain(info)
  setmetatable(info, Unread)
  info.selected = info.done and info.alpn
  if not info.selected then
    local first = info.answers[1]
    info.selected = first and first.names and first.names[1]
  end
  return info
end

return hello
