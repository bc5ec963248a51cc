-- Field blocks of the server: what it makes of the table size that the client allows (RFC 7541 section 4.2, RFC 9113
-- section 4.3.1). Everything else about them is the watchman's.
suite { "encoding", title = "field blocks of the server", rfc = 7541, section = "4.2" }

-- The event that completed the field block of a response.
local function block_of(conn, stream)
  for _, event in ipairs(conn.events) do
    if event.block_stream == stream and event.fields then return event end
  end
end

-- A response that is decoded; the event with its field block.
local function answer(conn)
  local stream = conn:request { path = target.path }
  conn:expect(response(stream, target.status))
  return check(block_of(conn, stream), "a field block", "none")
end

-- The first field block after the limit was lowered begins with a size update, unless there was nothing to lower.
local function check_update(event, largest)
  local faults = event.faults or {}
  check(not faults["update-missing"], "a size update at the start of the field block", "no size update")
  if faults["update-missing-empty"] then warn "no size update, by an encoder whose table is empty" end
  for _, field in ipairs(event.fields) do
    check(field.kind ~= "size_update" or field.size <= largest, ("size updates to at most %d"):format(largest),
      ("a size update to %d"):format(field.size or 0))
  end
end

case {
  id = "reduced-to-0",
  title = "after the client has set its table size to 0 the next field block begins with a size update",
  req = { "RFC9113-4.3.1-3", "RFC7541-4.2-2" },
  violate = { "RFC9113-4.3.1-3", "RFC7541-4.2-2" },
  run = function(conn)
    answer(conn)
    conn:settings { HEADER_TABLE_SIZE = 0 }
    check_update(answer(conn), 0)
    answer(conn)
    check(#conn:table "theirs" == 0, "no entry in a table of size 0", ("%d entries"):format(#conn:table "theirs"))
  end,
}

case {
  id = "reduced",
  title = "after the client has reduced its table size the server's entries stay within it",
  req = { "RFC7541-4.2-1", "RFC7541-6.3-3" },
  violate = { "RFC7541-4.2-1", "RFC7541-6.3-3" },
  each = { 256, 100, 33 },
  run = function(conn, size)
    answer(conn)
    conn:settings { HEADER_TABLE_SIZE = size }
    check_update(answer(conn), size)
    check_update(answer(conn), size)
  end,
}

case {
  id = "small-from-the-start",
  title = "a table size of 0 in the client's first SETTINGS",
  req = "RFC9113-4.3.1-3",
  settings = { HEADER_TABLE_SIZE = 0 },
  caught = "warn",
  run = function(conn)
    for _ = 1, 3 do answer(conn) end
    check(#conn:table "theirs" == 0, "no entry in a table of size 0", ("%d entries"):format(#conn:table "theirs"))
    check_update(block_of(conn, 1), 0) -- the first of all, in every mode
  end,
}

case {
  id = "down-and-up",
  title = "after the client has set its table size to 0 and to 4,096 the server tells the smallest size first",
  req = "RFC7541-4.2-4",
  run = function(conn)
    answer(conn)
    conn:settings { HEADER_TABLE_SIZE = 0 }
    conn:settings { HEADER_TABLE_SIZE = 4096 }
    check_update(answer(conn), 4096)
    answer(conn)
  end,
}

case {
  id = "raised",
  title = "after the client has raised its table size the server's field blocks can be decoded",
  req = "RFC7541-3.2-5",
  violate = "RFC7541-3.2-5",
  each = { 8192, 65536, 0xffffffff },
  run = function(conn, size)
    answer(conn)
    conn:settings { HEADER_TABLE_SIZE = size }
    for _ = 1, 3 do answer(conn) end
  end,
}

case {
  id = "tables-independent",
  title = "the server's field blocks do not refer to the client's entries",
  req = "RFC7541-2.2-1",
  run = function(conn)
    for i = 1, 5 do
      local stream = conn:request { path = target.path, fields = { { "x-h2probe", "entry " .. i } } }
      conn:expect(response(stream, target.status))
    end
  end,
}
