-- The dynamic table of a server's decoder: order, sizes, eviction (RFC 7541 sections 2.3.2, 4.1 and 4.4).
--
-- What an entry stands for is seen without any echo by making it the :path of the request: a wrong entry, or none, makes
-- another answer.
suite { "dynamic-table", title = "the dynamic table", rfc = 7541, section = "2.3.2" }

local FIRST <const> = 62 -- index of the newest entry
local OVERHEAD <const> = 32 -- octets that an entry counts beside its strings
local FILLER <const> = "x-h2probe-fill"
local LARGEST <const> = 1000 -- octets of one filler, so that no field is too long for anybody

-- The ordinary request with this in place of :path, nothing else inserted, and these fields behind it.
local function send(conn, path, more)
  local list = {}
  for i, field in ipairs(get(target.path)) do
    list[i] = field[1] == ":path" and path or literal { field[1], field[2] }
  end
  for _, field in ipairs(more or {}) do list[#list + 1] = field end
  local stream = conn:new_stream()
  conn:send(HEADERS { stream = stream, end_stream = true, fields = list })
  return stream
end

local function answered(conn, path, more) conn:expect(response(send(conn, path, more), target.status)) end

local function entry(name, value) return literal { name, value, kind = "incremental", huffman = false } end

local function path_entry() return entry(":path", target.path) end

local function plain_path() return literal { ":path", target.path } end

local function size_of(name, value) return #name + #value + OVERHEAD end

-- Entries that count exactly this many octets together.
local function fillers(size)
  local count = math.max(1, math.ceil(size / LARGEST))
  local list = {}
  for i = 1, count do
    local part = size // count + (i <= size % count and 1 or 0)
    list[i] = entry(FILLER, octets(part - #FILLER - OVERHEAD, "a"))
  end
  return list
end

-- The size of the peer's table; the cases need room for some entries.
local function room(conn)
  local max = conn:table("ours").max
  if max < 400 then skip(("the peer's table has %d octets: too small for these entries"):format(max)) end
  return max
end

local function refused(conn, path)
  send(conn, path)
  conn:expect(connection_error "COMPRESSION_ERROR")
end

case {
  id = "order",
  title = "the newest entry has the lowest index",
  req = "RFC7541-2.3.2-1",
  violate = { "RFC7541-2.3.2-1", "RFC7541-2.3.2-1=reverse" },
  each = {
    { label = "inserted first", 1, index = FIRST + 3 }, { label = "second", 2, index = FIRST + 2 },
    { label = "third", 3, index = FIRST + 1 }, { label = "last", 4, index = FIRST },
  },
  run = function(conn, row)
    room(conn)
    for position = 1, 4 do
      if position == row[1] then
        answered(conn, path_entry())
      else
        answered(conn, plain_path(), { entry("x-h2probe", tostring(position)) })
      end
    end
    answered(conn, indexed(row.index))
  end,
}

case {
  id = "order-within-a-block",
  title = "entries of one field block are inserted in its order",
  req = "RFC7541-2.3.2-1",
  violate = "RFC7541-2.3.2-1=reverse",
  run = function(conn)
    room(conn)
    answered(conn, path_entry(), { entry("x-h2probe", "a"), entry("x-h2probe", "b"), entry("x-h2probe", "c") })
    answered(conn, indexed(FIRST + 3))
  end,
}

case {
  id = "used-in-its-own-block",
  title = "an entry is there for the fields behind it in the same block",
  req = "RFC7541-3.2-2",
  violate = "RFC7541-3.2-2=lost",
  run = function(conn)
    room(conn)
    answered(conn, path_entry(), { entry("x-h2probe", "a"), indexed(FIRST), indexed(FIRST) })
  end,
}

case {
  id = "duplicates",
  title = "two entries of the same name and value",
  req = "RFC7541-2.3.2-2",
  run = function(conn)
    room(conn)
    answered(conn, path_entry())
    answered(conn, path_entry())
    answered(conn, indexed(FIRST))
    answered(conn, indexed(FIRST + 1))
  end,
}

case {
  id = "initial-size",
  title = "4,096 octets of entries, or what the peer announced, and the oldest is still there",
  req = "RFC9113-4.3.1-1",
  run = function(conn)
    local rest = fillers(room(conn) - size_of(":path", target.path))
    answered(conn, path_entry(), rest)
    answered(conn, indexed(FIRST + #rest))
  end,
}

case {
  id = "entry-size-exact",
  title = "entries that fill the table to its last octet: none is evicted",
  req = "RFC7541-4.1-1",
  violate = "RFC7541-4.1-1=more",
  each = { { label = "two and more entries" }, { label = "many small entries", small = true } },
  run = function(conn, row)
    local left = room(conn) - size_of(":path", target.path)
    local rest = {}
    while row.small and #rest < 20 and left > 200 do
      rest[#rest + 1] = entry("x", tostring(#rest % 10))
      left = left - size_of("x", "0")
    end
    for _, field in ipairs(fillers(left)) do rest[#rest + 1] = field end
    answered(conn, path_entry(), rest)
    check(conn:table("ours").size == conn:table("ours").max, "the table is full", "the tester's own table is not")
    answered(conn, indexed(FIRST + #rest))
  end,
}

case {
  id = "entry-size-one-more",
  title = "entries of one octet more than the table has: the oldest is evicted",
  req = "RFC7541-4.1-1",
  run = function(conn)
    local rest = fillers(room(conn) - size_of(":path", target.path) + 1)
    answered(conn, path_entry(), rest)
    refused(conn, indexed(FIRST + #rest))
  end,
}

case {
  id = "huffman-does-not-count",
  title = "the size of an entry is that of its strings as they are, whatever their coding",
  req = "RFC7541-4.1-1",
  violate = "RFC7541-4.1-1=more",
  run = function(conn)
    local rest = fillers(room(conn) - size_of(":path", target.path))
    for _, field in ipairs(rest) do field.huffman = true end
    answered(conn, path_entry(), rest)
    answered(conn, indexed(FIRST + #rest))
  end,
}

case {
  id = "evicted-entry",
  title = "a reference to an entry that a new one has evicted",
  req = "RFC7541-4.4-3",
  run = function(conn)
    local rest = fillers(room(conn) - size_of(":path", target.path))
    answered(conn, path_entry(), rest)
    answered(conn, plain_path(), { entry("x", "1") })
    refused(conn, indexed(FIRST + #rest + 1))
  end,
}

case {
  id = "newest-entry",
  title = "a new entry that evicts old ones is there",
  req = "RFC7541-4.4-3",
  violate = "RFC7541-4.4-3=full",
  run = function(conn)
    answered(conn, plain_path(), fillers(room(conn)))
    answered(conn, path_entry())
    answered(conn, indexed(FIRST))
  end,
}

case {
  id = "several-evicted",
  title = "a large new entry evicts several old ones, and no more than it must",
  req = "RFC7541-4.4-3",
  violate = { "RFC7541-4.4-3", "RFC7541-4.4-3=full" },
  each = { { label = "the oldest that is left", kept = true }, { label = "the newest that is gone" } },
  run = function(conn, row)
    local max = room(conn)
    local small = size_of("x", "0")
    local before = { entry("x", "0"), entry("x", "1"), entry("x", "2") }
    local rest = fillers(max - 3 * small - size_of(":path", target.path))
    answered(conn, plain_path(), before)
    answered(conn, path_entry(), rest)
    -- Room for it is made by the three small entries, or only when :path goes as well.
    local size = 3 * small + (row.kept and 0 or 1)
    answered(conn, plain_path(), { entry("x", octets(size - 1 - OVERHEAD, "b")) })
    local path = indexed(FIRST + 1 + #rest)
    if row.kept then answered(conn, path) else refused(conn, path) end
  end,
}

case {
  id = "name-of-evicted-entry",
  title = "a new entry that takes its name from the one that it evicts",
  req = "RFC7541-4.4-2",
  run = function(conn)
    local rest = fillers(room(conn) - size_of(":path", target.path))
    answered(conn, path_entry(), rest)
    answered(conn, literal { "", target.path, kind = "incremental", index = FIRST + #rest })
    answered(conn, indexed(FIRST))
  end,
}

-- More than the table, and less than a field may be long.
local function oversize(conn) return entry("x-h2probe", octets(room(conn), "a")) end

case {
  id = "larger-than-table",
  title = "an entry larger than the table is no error, and later ones are inserted as ever",
  req = "RFC7541-4.4-1",
  violate = "RFC7541-4.4-1=error",
  run = function(conn)
    conn:expect(response(send(conn, plain_path(), { oversize(conn) }), { target.status, "4xx" }))
    answered(conn, path_entry())
    answered(conn, indexed(FIRST))
  end,
}

case {
  id = "larger-than-table-empties",
  title = "an entry larger than the table leaves an empty table",
  req = "RFC7541-4.4-1",
  violate = { "RFC7541-4.4-1", "RFC7541-4.4-1=kept" },
  run = function(conn)
    answered(conn, path_entry())
    conn:expect(response(send(conn, plain_path(), { oversize(conn) }), { target.status, "4xx" }))
    refused(conn, indexed(FIRST))
  end,
}

case {
  id = "as-large-as-table",
  title = "an entry that takes the whole table",
  req = "RFC7541-4.4-1",
  violate = "RFC7541-4.1-1=more",
  run = function(conn)
    local value = octets(room(conn) - #"x-h2probe" - OVERHEAD, "a")
    conn:expect(response(send(conn, plain_path(), { entry("x-h2probe", value) }), { target.status, "4xx" }))
    conn:expect(response(send(conn, plain_path(), { indexed(FIRST) }), { target.status, "4xx" }))
  end,
}
