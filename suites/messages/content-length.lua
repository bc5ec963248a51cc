-- content-length against the content that comes (RFC 9113 section 8.1.1).
--
-- A response to a request with wrong content may be made before the fault is seen, unless the resource depends on the
-- content: where the target has an echo it is judged by that.
suite { "content-length", title = "content-length", rfc = 9113, section = "8.1.1" }

local function resource()
  return target.paths.echo or target.paths.post or target.path
end

-- POST with this content-length (a list: a field for each) and DATA frames, the last of which ends the stream.
local function send(conn, length, contents, trailers)
  local list = unindexed(post(resource()))
  for _, value in ipairs(type(length) == "table" and length or { length }) do
    list[#list + 1] = literal { "content-length", value }
  end
  local stream = conn:new_stream()
  conn:send(HEADERS { stream = stream, fields = list, end_stream = #contents == 0 and not trailers })
  for i, content in ipairs(contents) do
    conn:send(DATA { stream = stream, content, end_stream = i == #contents and not trailers })
  end
  if trailers then conn:send(HEADERS { stream = stream, end_stream = true, fields = unindexed(trailers) }) end
  return stream
end

local function late(stream)
  return malformed(stream, { late = true, depends = target.paths.echo ~= nil })
end

local function differs(id, req, title, rows, h2spec, early)
  case {
    id = id, title = title, req = req, each = rows, h2spec = h2spec, early = early,
    run = function(conn, row) conn:expect(late(send(conn, row.length, row, row.trailers))) end,
  }
end

differs("too-much", "RFC9113-8.1.1-1", "more content than content-length says", {
  { label = "4 octets, announced 1", length = "1", "test" }, { label = "4 octets, announced 3", length = "3", "test" },
  { label = "4 octets, announced 0", length = "0", "test" },
}, "http2/8.1.2.6/1")
differs("too-much-in-sum", "RFC9113-8.1.1-2", "more content than content-length says, in several DATA frames", {
  { label = "twice 4 octets, announced 1", length = "1", "test", "test" },
  { label = "twice 4 octets, announced 4", length = "4", "test", "test" },
  { label = "twice 4 octets, announced 7", length = "7", "test", "test" },
}, "http2/8.1.2.6/2")
differs("too-little", "RFC9113-8.1.1-3", "less content than content-length says", {
  { label = "4 octets, announced 10", length = "10", "test" }, { label = "4 octets, announced 5", length = "5", "test" },
  { label = "twice 4 octets, announced 9", length = "9", "test", "test" },
  { label = "an empty DATA frame, announced 1", length = "1", "" },
  { label = "4 octets, announced 2^64 + 4", length = "18446744073709551620", "test" },
})
differs("too-little-before-trailers", "RFC9113-8.1.1-3", "less content than content-length says, and trailers", {
  { label = "4 octets, announced 5", length = "5", trailers = { { "x-h2probe", "end" } }, "test" },
}, nil, true)

case {
  id = "no-content",
  title = "a content-length above 0 in a request that ends with its HEADERS",
  req = "RFC9113-8.1.1-4",
  each = { "5", "1" },
  run = function(conn, length) conn:expect(malformed(send(conn, length, {}))) end,
}

case {
  id = "invalid",
  title = "a content-length that is no number",
  req = "RFC9113-8.1.1-7",
  each = { "abc", "-4", "+4", "0x4", "4.0", "4 4", "4,5", "" },
  run = function(conn, length) conn:expect(malformed(send(conn, length, { "test" }))) end,
}

case {
  id = "differing",
  title = "two content-length fields that differ",
  req = "RFC9113-8.1.1-7",
  each = { { label = "the second is right", "3", "4" }, { label = "the first is right", "4", "3" } },
  run = function(conn, row) conn:expect(malformed(send(conn, { row[1], row[2] }, { "test" }))) end,
}

case {
  id = "padding",
  title = "padding is no content",
  req = "RFC9113-8.1.1-5",
  needs = { "post" },
  each = { 0, 1, 200 },
  run = function(conn, padding)
    local stream = conn:new_stream()
    conn:send(HEADERS { stream = stream, fields = unindexed(with(post(resource()), { "content-length", "4" })) },
      DATA { stream = stream, end_stream = true, pad_length = padding, "test" })
    conn:expect(response(stream, "2xx"))
  end,
}

case {
  id = "right",
  title = "content that has the announced length",
  req = "RFC9113-8.1.1-6",
  needs = { "post" },
  each = {
    { label = "two frames", length = "8", "test", "test" }, { label = "an empty frame between", length = "8", "test", "", "test" },
    { label = "an empty frame at the end", length = "4", "test", "" }, { label = "one octet each", length = "3", "a", "b", "c" },
  },
  run = function(conn, row)
    local stream = send(conn, row.length, row)
    conn:expect(response(stream, "2xx"))
    if target.paths.echo then
      local answer = conn:response(stream)
      check(answer.body == table.concat(row), "the content comes back", ("%d octets"):format(#answer.body))
    end
  end,
}

case {
  id = "zero",
  title = "a content-length of 0 and no content",
  req = "RFC9113-8.1.1-6",
  needs = { "post" },
  each = { { label = "HEADERS alone" }, { label = "an empty DATA frame", "" } },
  run = function(conn, row) conn:expect(response(send(conn, "0", row), "2xx")) end,
}
