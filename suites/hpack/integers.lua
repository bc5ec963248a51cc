-- Integers: of every length, beyond every limit, cut short (RFC 7541 section 5.1).
suite { "integers", title = "integers", rfc = 7541, section = "5.1" }

-- An integer with this prefix of bits and these bits above it.
local function integer(value, prefix, first)
  local mask = (1 << prefix) - 1
  if value < mask then return string.char(first | value) end
  local out = { string.char(first | mask) }
  value = value - mask
  while value >= 128 do
    out[#out + 1] = string.char(value % 128 + 128)
    value = value // 128
  end
  out[#out + 1] = string.char(value)
  return table.concat(out)
end

local function refuses(id, req, title, rows, codes)
  case {
    id = id, title = title, req = req, each = rows,
    run = function(conn, row)
      local list = unindexed(get(target.path))
      if row.first then table.insert(list, 1, raw(row[1])) else list[#list + 1] = raw(row[1]) end
      conn:send(HEADERS { stream = conn:new_stream(), end_stream = true, fields = list })
      conn:expect(connection_error(codes or { "COMPRESSION_ERROR" }))
    end,
  }
end

local MANY <const> = ("\xff"):rep(10) .. "\x7f"

refuses("too-many-octets", "RFC7541-5.1-2", "an integer of eleven continuation octets, beyond every limit", {
  { label = "index", "\xff" .. MANY }, { label = "name index", "\x7f" .. MANY .. "\1a" },
  { label = "name index, without indexing", "\x0f" .. MANY .. "\1a" }, { label = "name length", "\0\x7f" .. MANY .. "a" },
  { label = "value length", "\0\1a\x7f" .. MANY .. "a" }, { label = "size update", "\x3f" .. MANY, first = true },
})

local WRAPS <const> = 1 << 32

refuses("wrapped", "RFC7541-5.1-2", "an integer that would be right in 32 bits", {
  { label = "index 2^32 + 16", integer(WRAPS + 16, 7, 0x80) }, { label = "name index 2^32 + 58", integer(WRAPS + 58, 4, 0) .. "\1a" },
  { label = "name length 2^32 + 1", "\0" .. integer(WRAPS + 1, 7, 0) .. "a\1b" },
  { label = "value length 2^32 + 1", "\0\1a" .. integer(WRAPS + 1, 7, 0) .. "b" },
  { label = "size update 2^32", integer(WRAPS, 5, 0x20), first = true },
  { label = "index 2^62 + 16", integer((1 << 62) + 16, 7, 0x80) },
})

refuses("truncated", "RFC7541-5.1-4", "a field block that ends inside an integer", {
  { label = "index, after the prefix", "\xff" }, { label = "index, after an octet", "\xff\x80" },
  { label = "name index", "\x7f" }, { label = "name index, without indexing", "\x0f\x80" },
  { label = "name length", "\0\x7f" }, { label = "value length", "\0\1a\x7f" }, { label = "value length left out", "\0\1a" },
  { label = "name length left out", "\x40" },
}, { "COMPRESSION_ERROR", also = { "FRAME_SIZE_ERROR" } })

case {
  id = "string-lengths",
  title = "string lengths around the limits of one and two octets",
  req = "RFC7541-5.1-1",
  each = { 126, 127, 128, 129, 254, 255, 383, 2000 },
  run = function(conn, length)
    local stream = conn:request { path = target.path,
      fields = { literal { "x-h2probe", octets(length, "a"), huffman = false } } }
    conn:expect(response(stream, target.status))
  end,
}

case {
  id = "long-name",
  title = "a name of 127 and of 200 octets",
  req = "RFC7541-5.1-1",
  each = { 127, 200 },
  run = function(conn, length)
    local stream = conn:request { path = target.path, fields = { literal { octets(length, "a"), "1", huffman = false } } }
    conn:expect(response(stream, { target.status, "4xx" }))
  end,
}

case {
  id = "string-of-16000",
  title = "a string of 16,000 octets",
  req = "RFC7541-5.1-1",
  run = function(conn)
    local stream = conn:request { path = target.path,
      fields = { literal { "x-h2probe", octets(16000, "a"), huffman = false } } }
    conn:response(stream)
    local goaway = conn:last "GOAWAY"
    check(not (goaway and goaway.error == "COMPRESSION_ERROR"), "no decoding error", "GOAWAY(COMPRESSION_ERROR)")
    conn:expect(any_of {
      response(stream, { target.status, "4xx" }),
      stream_error { stream = stream, "ENHANCE_YOUR_CALM", also = { "REFUSED_STREAM", "CANCEL", "FRAME_SIZE_ERROR" } },
    })
  end,
}

case {
  id = "name-index-in-two-octets",
  title = "the index of a name that does not fit into the 4 bits of its prefix",
  req = "RFC7541-5.1-1",
  violate = "RFC7541-5.1-1=names",
  each = { "without", "never" },
  run = function(conn, kind)
    local stream = conn:request { path = target.path, fields = { literal { "", "h2probe", kind = kind, index = 58 } } }
    conn:expect(response(stream, target.status))
  end,
}

-- The ordinary request with this in place of :path.
local function with_path(conn, path, more)
  local list = {}
  for i, field in ipairs(get(target.path)) do
    list[i] = field[1] == ":path" and path or literal { field[1], field[2] }
  end
  for _, field in ipairs(more or {}) do list[#list + 1] = field end
  local stream = conn:new_stream()
  conn:send(HEADERS { stream = stream, end_stream = true, fields = list })
  return stream
end

local ENTRIES <const> = 80

case {
  id = "index-in-two-octets",
  title = "an index of the dynamic table that does not fit into the 7 bits of its prefix",
  req = "RFC7541-5.1-1",
  violate = "RFC7541-5.1-1=index",
  run = function(conn)
    local path = literal { ":path", target.path, kind = "incremental" }
    local size = ENTRIES * (3 + 2 + 32) + #target.path + 5 + 32
    if size > conn:table("ours").max then skip "the peer's table is too small for 81 entries" end
    conn:expect(response(with_path(conn, path), target.status))
    for half = 0, 1 do
      local entries = {}
      for i = 1, ENTRIES // 2 do
        entries[i] = literal { "x-a", ("%02d"):format(half * ENTRIES // 2 + i), kind = "incremental" }
      end
      conn:expect(response(with_path(conn, literal { ":path", target.path }, entries), target.status))
    end
    conn:expect(response(with_path(conn, indexed(62 + ENTRIES)), target.status))
  end,
}

case {
  id = "superfluous-octets",
  title = "an integer with continuation octets that add nothing: taken or refused",
  req = "RFC7541-5.1-3",
  violate = "RFC7541-5.1-3=silent",
  each = { 1, 2, 4 },
  run = function(conn, count)
    local stream = conn:new_stream()
    local length = "\x7f" .. ("\x80"):rep(count) .. "\0"
    conn:send(HEADERS { stream = stream, end_stream = true,
      fields = with(unindexed(get(target.path)), raw("\0\9x-h2probe" .. length .. octets(127, "a"))) })
    conn:expect(any_of { response(stream, target.status), connection_error "COMPRESSION_ERROR" })
  end,
}
