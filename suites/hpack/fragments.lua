-- Field blocks in pieces: cut at each octet, in integers and strings too (RFC 7541 section 5.2, RFC 9113 section 4.3).
suite { "fragments", title = "field blocks in pieces", rfc = 7541, section = "5.2" }

-- The ordinary request with strings in both codings and integers of more than one octet.
local function block(conn)
  return conn:encode(with(get(target.path), literal { "x-h2probe-plain", octets(130, "a"), huffman = false },
    literal { "x-h2probe-huffman", "cut me", huffman = true }, literal { "", "h2probe", index = 58 }))
end

-- Sends the block cut at these positions, in as many frames; the stream.
local function send(conn, octets_of_block, cuts)
  local stream, at = conn:new_stream(), 0
  for i = 1, #cuts + 1 do
    local to = cuts[i] or #octets_of_block
    local fragment, last = octets_of_block:sub(at + 1, to), i > #cuts
    if i == 1 then
      conn:send(HEADERS { stream = stream, end_stream = true, end_headers = last, fragment = fragment })
    else
      conn:send(CONTINUATION { stream = stream, end_headers = last, fragment = fragment })
    end
    at = to
  end
  return stream
end

local PARTS <const> = 8 -- runs that share the cuts, so that no connection has to carry many requests

-- The cuts of one part, each of which leaves something in every frame. The octets of the long plain string are all alike
-- and need not be tried one by one.
local function positions(whole, part, last)
  local alike = whole:find(("a"):rep(120), 1, true) or #whole
  local list, count = {}, 0
  for at = 1, #whole - last do
    if at <= alike + 2 or at >= alike + 118 then
      count = count + 1
      if count % PARTS == part % PARTS then list[#list + 1] = at end
    end
  end
  return list
end

-- All cuts of a part at once, within the peer's limit of concurrent streams.
local function try_all(conn, part, last, cuts_at)
  conn:expect(response(send(conn, block(conn), {}), target.status))
  local whole = block(conn)
  local list, at_once = positions(whole, part, last), math.max(1, math.min(20, conn:setting("theirs", "MAX_CONCURRENT_STREAMS")))
  for from = 1, #list, at_once do
    local streams = {}
    for i = from, math.min(from + at_once - 1, #list) do streams[#streams + 1] = send(conn, whole, cuts_at(list[i])) end
    for _, stream in ipairs(streams) do conn:expect(response(stream, target.status)) end
  end
end

local parts = {}
for part = 1, PARTS do parts[part] = part end

case {
  id = "two-frames",
  title = "HEADERS and CONTINUATION, cut after each octet of the field block",
  req = "RFC7541-5.2-7",
  each = parts,
  run = function(conn, part)
    try_all(conn, part, 1, function(at) return { at } end)
  end,
}

case {
  id = "three-frames",
  title = "HEADERS and two CONTINUATION frames, each octet in turn alone in the middle",
  req = "RFC7541-5.2-7",
  each = parts,
  run = function(conn, part)
    try_all(conn, part, 2, function(at) return { at, at + 1 } end)
  end,
}

case {
  id = "long-string",
  title = "a string that goes on through five frames",
  req = "RFC7541-5.2-7",
  each = { { label = "plain", huffman = false }, { label = "Huffman", huffman = true } },
  run = function(conn, row)
    local whole = conn:encode(with(get(target.path), literal { "x-h2probe", octets(2000, "string"), huffman = row.huffman }))
    local part = #whole // 5
    conn:expect(response(send(conn, whole, { part, 2 * part, 3 * part, 4 * part }), target.status))
  end,
}

case {
  id = "state-of-a-block-in-pieces",
  title = "entries of a field block in pieces are there for the next request",
  req = "RFC9113-4.3-3",
  violate = "RFC7541-3.2-2=lost",
  run = function(conn)
    local list = {}
    for i, field in ipairs(get(target.path)) do
      list[i] = literal { field[1], field[2], kind = field[1] == ":path" and "incremental" or "without" }
    end
    local whole = conn:encode(list)
    conn:expect(response(send(conn, whole, { #whole // 3, 2 * #whole // 3 }), target.status))
    if #conn:table "ours" == 0 then skip "the peer's table is too small for the entry" end
    for i, field in ipairs(list) do
      if field[1] == ":path" then list[i] = indexed(62) end
    end
    conn:expect(response(send(conn, conn:encode(list), { 1 }), target.status))
  end,
}
