-- Dynamic table size updates, as a server's decoder has to take them (RFC 7541 sections 4.2, 4.3 and 6.3).
suite { "size-updates", title = "table size updates", rfc = 7541, section = "6.3" }

local FIRST <const> = 62 -- index of the newest entry

-- A request that begins with these size updates, with this in place of :path, and with these fields behind it.
local function send(conn, updates, path, more)
  local list = { table.unpack(updates) }
  for _, field in ipairs(get(target.path)) do
    list[#list + 1] = field[1] == ":path" and (path or literal { ":path", target.path }) or literal { field[1], field[2] }
  end
  for _, field in ipairs(more or {}) do list[#list + 1] = field end
  local stream = conn:new_stream()
  conn:send(HEADERS { stream = stream, end_stream = true, fields = list })
  return stream
end

local function answered(conn, ...) conn:expect(response(send(conn, ...), target.status)) end

local function entry(name, value) return literal { name, value, kind = "incremental", huffman = false } end

local function path_entry() return entry(":path", target.path) end

-- What the peer allows its decoder.
local function limit(conn) return conn:setting("theirs", "HEADER_TABLE_SIZE") end

-- The size that the table has now.
local function now(conn)
  local max = conn:table("ours").max
  if max < 400 then skip(("the peer's table has %d octets: too small for these entries"):format(max)) end
  return max
end

case {
  id = "late",
  title = "a dynamic table size update after a field",
  req = "RFC7541-4.2-3",
  h2spec = "hpack/4.2/1",
  each = { { label = "at the end of the block" }, { label = "after the first field", first = true } },
  run = function(conn, row)
    local list = unindexed(get(target.path))
    table.insert(list, row.first and 2 or #list + 1, size_update(1))
    local stream = conn:new_stream()
    conn:send(HEADERS { stream = stream, end_stream = true, fields = list })
    conn:expect(any_of {
      connection_error { "COMPRESSION_ERROR" },
      soft(response(stream), "RFC 7541 names no decoding error for a late size update"),
    })
  end,
}

case {
  id = "too-large",
  title = "a dynamic table size update above the limit",
  req = "RFC7541-6.3-1",
  h2spec = "hpack/6.3/1",
  each = { { label = "by one", 1 }, { label = "by a million", 1000000 }, { label = "by one, after a right one", 1, second = true } },
  run = function(conn, row)
    if limit(conn) + row[1] > 0xffffffff then skip "the peer allows tables of every size" end
    local updates = { size_update(limit(conn) + row[1]) }
    if row.second then table.insert(updates, 1, size_update(0)) end
    send(conn, updates)
    conn:expect(connection_error "COMPRESSION_ERROR")
  end,
}

case {
  id = "one",
  title = "a size update at the start of a block",
  req = "RFC7541-4.2-5",
  h2spec = "generic/5/14",
  each = { 0, 1, 31, 100, 1000 },
  run = function(conn, size)
    answered(conn, { size_update(math.min(size, limit(conn))) })
  end,
}

case {
  id = "two",
  title = "two size updates at the start of a block",
  req = "RFC7541-4.2-5",
  h2spec = "generic/5/15",
  each = { { label = "0 and the former size", 0 }, { label = "128 and the former size", 128 }, { label = "the same twice" } },
  run = function(conn, row)
    local size = conn:table("ours").max
    answered(conn, { size_update(math.min(row[1] or size, size)), size_update(size) })
  end,
}

case {
  id = "equal-to-limit",
  title = "a size update to the limit itself",
  req = "RFC7541-6.3-2",
  run = function(conn) answered(conn, { size_update(math.min(limit(conn), 65536)) }) end,
}

case {
  id = "emptied",
  title = "a reference to an entry from before a size update to 0",
  req = "RFC7541-4.2-6",
  each = { { label = "enlarged in the same block", same = true }, { label = "enlarged in a later block" } },
  run = function(conn, row)
    local size = now(conn)
    answered(conn, {}, path_entry())
    if not row.same then answered(conn, { size_update(0) }) end
    send(conn, row.same and { size_update(0), size_update(size) } or { size_update(size) }, indexed(FIRST))
    conn:expect(connection_error "COMPRESSION_ERROR")
  end,
}

case {
  id = "enlarged-again",
  title = "entries that are inserted after a table was emptied and enlarged again",
  req = "RFC7541-4.2-6",
  violate = "RFC7541-4.2-6=stuck",
  run = function(conn)
    local size = now(conn)
    answered(conn, {}, entry(":path", target.path), { entry("x-h2probe", "old") })
    answered(conn, { size_update(0), size_update(size) }, path_entry(), { entry("x-h2probe", "new") })
    answered(conn, {}, indexed(FIRST + 1))
  end,
}

case {
  id = "nothing-fits",
  title = "an insertion while the table has the size 0",
  req = "RFC7541-4.4-1",
  violate = "RFC7541-4.4-1=error",
  run = function(conn)
    now(conn)
    answered(conn, { size_update(0) }, path_entry())
    answered(conn, {}, path_entry())
  end,
}

-- Three entries of one size, the oldest of which is :path, and a table that has room for the two that came last.
local function three(conn)
  now(conn)
  answered(conn, {}, path_entry())
  local size = #":path" + #target.path + 32
  local value = octets(size - #"x" - 32, "a")
  answered(conn, {}, nil, { entry("x", value), entry("x", value) })
  return size
end

case {
  id = "reduced-evicts-oldest",
  title = "a reference to the entry that a size update has evicted",
  req = "RFC7541-4.3-1",
  each = { { label = "no room at all", 0 }, { label = "one octet too few", 1 } },
  run = function(conn, row)
    local size = three(conn)
    send(conn, { size_update(row[1] == 0 and 2 * size or 3 * size - 1) }, indexed(FIRST + 2))
    conn:expect(connection_error "COMPRESSION_ERROR")
  end,
}

case {
  id = "reduced-keeps-the-rest",
  title = "references to the entries that a size update leaves",
  req = "RFC7541-4.3-1",
  violate = "RFC7541-4.3-1=all",
  each = { { label = "all three fit", 3, FIRST + 2 }, { label = "two fit", 2, FIRST + 1 } },
  run = function(conn, row)
    local size = three(conn)
    local update = { size_update(row[1] * size) }
    if row[1] == 3 then answered(conn, update, indexed(row[2])) else answered(conn, update, nil, { indexed(row[2]) }) end
  end,
}

-- The smallest table that the peer's SETTINGS have allowed so far.
local function smallest(conn)
  local size = 4096
  for _, event in ipairs(conn.events) do
    for _, setting in ipairs(event.name == "SETTINGS" and event.settings or {}) do
      if setting.name == "HEADER_TABLE_SIZE" then size = math.min(size, setting.value) end
    end
  end
  return size
end

case {
  id = "missing",
  title = "a field block without a size update, after the client has acknowledged a smaller table than it uses",
  req = "RFC9113-4.3.1-4",
  start = "preface",
  auto = { settings = false },
  run = function(conn)
    conn:send_preface { HEADER_TABLE_SIZE = 512 }
    check(conn:recv { name = "SETTINGS", ack = true }, "SETTINGS ACK", "none")
    local size = smallest(conn)
    if size > 3500 then skip "the peer does not reduce the size of its table" end
    local entries = {}
    for i = 1, size // 400 + 1 do entries[i] = entry("x-h2probe", octets(400, "a")) end
    answered(conn, { raw "" }, path_entry(), entries) -- the size of 4,096 octets is in force until the ACK
    for _ = 1, conn:count { name = "SETTINGS", ack = false } do conn:send(SETTINGS { ack = true }) end
    local stream = send(conn, { raw "" })
    conn:expect(any_of {
      connection_error "COMPRESSION_ERROR", soft(response(stream), "many decoders shrink their table and go on"),
    })
  end,
}
